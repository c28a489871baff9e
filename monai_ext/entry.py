"""Entry point of the command ``monai-landmarks``, which reports packages that cannot be imported."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line; exit code 1 and one line for each package that is wrong where it cannot be loaded."""
    try:
        from monai_ext.cli import main as run

        run()  # a command loads its packages when its work begins
    except (ImportError, RuntimeError, OSError, AttributeError) as error:
        from monai_ext.doctor import check_installation, explanation

        told = explanation(error, check_installation())
        if not told:
            raise
        print(told, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
