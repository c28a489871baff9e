"""The commands of ``monai-landmarks``, one per file."""
