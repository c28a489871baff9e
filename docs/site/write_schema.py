"""Writes the JSON schema of protocol files, which editors read: ``python docs/site/write_schema.py``."""

from reference import ROOT, schema_text

if __name__ == "__main__":
    (ROOT / "docs" / "protocol.schema.json").write_text(schema_text(), encoding="utf-8")
