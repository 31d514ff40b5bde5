## ext2, ext3, ext4
ext-no-superblock = The superblock of the ext file system is missing or damaged
ext-unreadable = Part of the file system's own tables, at byte { $offset }, cannot be read: { $why }
ext-superblock-checksum = The checksum of the superblock is wrong: the file system is damaged
ext-impossible = The superblock says something impossible: { $field } = { $value }
ext-feature-unknown = The file system uses features that this version does not know: { $names }
ext-needs-recovery = The file system was not shut down cleanly: its journal holds changes that are not yet in place
ext-needs-recovery-external = The file system was not shut down cleanly, and its journal is on another device
ext-has-errors = The file system is marked as having errors
ext-not-clean = The file system was not shut down cleanly, or it is in use
ext-orphans = The file system still has deleted files to clean up
ext-longer-than-volume = The file system has { $length } bytes, but its volume has only { $size }
ext-backup-differs = The superblock and its copy at byte { $offset } describe different sizes
ext-descriptor-checksum = The checksum of the description of block group { $group } is wrong: the file system is damaged
ext-descriptor-location = The description of block group { $group } points to block { $block }, where nothing of it can be
ext-descriptor-flags = The description of block group { $group } has flags that cannot be true
ext-group-too-small = Block group { $group } is too small for its own tables
ext-metadata-overlap = Two of the file system's own tables claim block { $block }
ext-metadata-scattered = The file system's own tables are in too many pieces
ext-metadata-free = The bitmap of block group { $group } marks some of the file system's own tables as free
ext-bitmap-checksum = The checksum of the bitmap of block group { $group } is wrong: the file system is damaged
ext-free-count-group = Block group { $group } has { $counted } free blocks in its bitmap, but its description says { $stored }
ext-free-count = The file system has { $counted } free blocks in its bitmaps, but its superblock says { $stored }
ext-mmp-in-use = The file system is marked as in use by a machine (“{ $machine }”)
ext-mmp-damaged = The block that protects the file system from being mounted twice is damaged
ext-journal-damaged = The journal of the file system is damaged
ext-journal-not-empty = The journal holds changes, although the file system is marked as clean
