# Names of volumes. Technical names are the same in every language.
filesystem-kind = { $name }
filesystem-kind-ext-journal = ext journal
filesystem-kind-linux-raid = Linux RAID member
filesystem-kind-firmware-raid = firmware RAID member
filesystem-kind-unknown = unknown
filesystem-and = { $first } and { $next }

# Why the used blocks of a volume are not known for certain.
filesystem-unknown = Nothing that this version knows was found here
filesystem-unreadable = It could not be examined: { $why }
filesystem-ambiguous = It bears the marks of { $kinds } at once, and which one is true cannot be told
filesystem-no-reader = This version cannot tell the used blocks of { $kind } from the free ones
filesystem-encrypted = Its content is encrypted ({ $kind }), so used and free blocks look the same
filesystem-part-of-whole = It is a part of something larger ({ $kind }), and what its blocks mean is only known there

fat-past-end = The FAT file system says it has { $length } bytes, but the partition has only { $size }
fat-sector-size = The FAT file system uses sectors of { $volume } bytes, the disk has sectors of { $disk } bytes
fat-version = The FAT file system has the unknown version { $version }
fat-contradictory = The boot sector of the FAT file system contradicts itself
fat-backup-differs = The boot sector of the FAT file system and its backup describe different layouts
fat-too-short = The file allocation table has no room for all clusters
fat-dirty = The FAT file system was not closed cleanly: a cable was pulled, the power failed, or it is in use
fat-met-errors = The FAT file system remembers errors of the disk
fat-copies-differ = The copies of the file allocation table differ
fat-media-differs = The file allocation table and the boot sector name different media
fat-entry-outside = The entry of cluster { $cluster } in the file allocation table points outside the volume
fat-root-missing = The root directory is free according to the file allocation table
fat-free-count = The FAT file system says that { $said } clusters are free, but { $counted } are

swap-hibernated = It holds a hibernated system, which wakes up from here at the next start
swap-version-0 = It is a swap area of the old version 0, which this version does not know
swap-header = The header of the swap area makes no sense
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
