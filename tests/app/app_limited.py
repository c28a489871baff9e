"""Saves labels where files cannot grow beyond a limit, which fails like a full disk; prints what each came to."""

from __future__ import annotations

import json
import resource
import sys

from app_server import APP_DIR


def save(cases: str) -> None:
    """Prints a line for each case: the answers to its saves, and the notes on all labels after them."""
    sys.path.insert(0, str(APP_DIR))
    from lib.datastore import LandmarkDatastore
    from lib.errors import StorageError

    for studies, limit, saves in json.loads(cases):
        store = LandmarkDatastore(studies, repair=False)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        answers = []
        for image, path, info in saves:
            try:
                store.save_label(image, path, "final", info)
                answers.append("saved")
            except StorageError as error:
                answers.append(str(error))
        notes = [store.get_label_info(image, "final").get("by") for image in store.get_labeled_images()]
        print(json.dumps([answers, notes]), flush=True)


if __name__ == "__main__":
    save(sys.argv[1])
