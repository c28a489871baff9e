"""What the datastore keeps on disk, and how it comes through crashes, full disks and other processes."""
