# Names of volumes. Technical names are the same in every language.
filesystem-kind = { $name }
filesystem-kind-ext-journal = ext journal
filesystem-kind-xfs-log = XFS journal
filesystem-kind-thin-pool = thin pool
filesystem-kind-thin-volume = thin volume
filesystem-kind-linux-raid = Linux RAID member
filesystem-kind-firmware-raid = firmware RAID member
filesystem-kind-unknown = unknown
filesystem-and = { $first } and { $next }

# Why the used blocks of a volume are not known for certain.
filesystem-unknown = Nothing that this version knows was found here
filesystem-unreadable = It could not be examined: { $why }
filesystem-ambiguous = It bears the marks of { $kinds } at once, and which one is true cannot be told
filesystem-hashed = All its blocks are hashed (dm-verity), the free ones too
filesystem-table-inside = There is a table of partitions in it too, and which of the two is true cannot be told
filesystem-partition-past-end = The partition goes past the end of the disk
filesystem-no-reader = This version cannot tell the used blocks of { $kind } from the free ones
filesystem-unproven = { $kind } is read, but the reader has not been proven on enough volumes made by their own system. It finds { $used } in use; with --unproven only these are saved
filesystem-unproven-inside = Its reader has not been proven on enough volumes made by their own system
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
fat-cluster-free = Cluster { $cluster } belongs to a file or folder, and is free according to the file allocation table
fat-directory-twice = The folder at cluster { $cluster } is in more than one place, or there are more folders than can be looked through
fat-root-missing = The root directory is free according to the file allocation table
fat-free-count = The FAT file system says that { $said } clusters are free, but { $counted } are

swap-hibernated = It holds a hibernated system, which wakes up from here at the next start
swap-version-0 = It is a swap area of the old version 0, which this version does not know
swap-header = The header of the swap area makes no sense

packed-past-end = The { $name } image says it has { $length } bytes, but the partition has only { $size }
packed-followed = Something follows the { $name } image that may belong to it
packed-damaged = The superblock of the { $name } image is damaged
packed-features = The { $name } image has features that this version does not know ({ $features })
packed-devices = The { $name } image keeps its data on several devices
## ext2, ext3, ext4
ext-no-superblock = The superblock of the ext file system is missing or damaged
ext-unreadable = Part of the file system's own tables, at byte { $offset }, cannot be read: { $why }
ext-superblock-checksum = The checksum of the superblock is wrong: the file system is damaged
ext-impossible = The superblock says something impossible: { $field } = { $value }
ext-feature-unknown = The file system uses features that this version does not know: { $names }
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
ext-fast-commits = The file system was not shut down cleanly, and its journal goes around its end and may hold fast commits: versions of Linux do not agree on what that leads to
ext-journal-damaged = The journal of the file system is damaged
ext-journal-not-empty = The journal holds changes, although the file system is marked as clean
ext-journal-features = The journal of the file system uses features that this version does not know
ext-journal-checksum = A checksum in the journal of the file system is wrong: the journal is damaged
ext-journal-too-large = The journal of the file system holds more changes than can be kept in memory

filesystem-state-hibernated = hibernated
filesystem-state-unclean = not shut down cleanly

## NTFS
ntfs-past-end = The NTFS file system says it has { $length } bytes, but the partition has only { $size }
ntfs-boot-sector = The boot sector of the NTFS file system says something impossible
ntfs-backup-differs = The boot sector of the NTFS file system and its backup at byte { $offset } describe different volumes
ntfs-record-damaged = Record { $number } of the master file table is damaged
ntfs-mirror-differs = Record { $number } of the master file table and its copy differ
ntfs-own-file-encoded = File { $number }, one of the file system’s own, is compressed, encrypted or has holes
ntfs-volume-information = The NTFS file system does not tell its version
ntfs-version = The NTFS file system has the unknown version { $version }
ntfs-flags = The NTFS file system is marked in a way that this version does not know ({ $flags })
ntfs-bitmap-short = The bitmap of the NTFS file system speaks of { $bits } clusters, but there are { $clusters }
ntfs-cluster-free = File { $number } has data in clusters that the bitmap calls free: the file system is damaged
ntfs-dirty = The NTFS file system was not closed cleanly: a cable was pulled, the power failed, Windows crashed, or it is in use
ntfs-log-not-clean = The NTFS file system was not closed cleanly: its log holds changes that may not be in place yet
ntfs-log-unknown = The log of the NTFS file system is damaged or of a kind that this version does not know, so there may be changes in it that are not in place yet
ntfs-log-version = The log of the NTFS file system has the unknown version { $version }
ntfs-kept-in-memory = Windows did not let go of this volume: it was shut down with fast startup or hibernated, or the drive was pulled out, and changes may not be in place yet. To save only what is in use, start Windows, hold down Shift while you click “Shut down”, and save again
ntfs-hibernated = Windows was hibernated or uses fast startup: it keeps part of the file system in the memory that it stored here, and goes on from there at its next start. To save only what is in use, start Windows, hold down Shift while you click “Shut down”, and save again
ntfs-perhaps-hibernated = Windows may be hibernated: what its file hiberfil.sys begins with is unknown

## exFAT
exfat-past-end = The exFAT file system says it has { $length } bytes, but the partition has only { $size }
exfat-boot-region = The boot sector of the exFAT file system says something impossible: { $field } = { $value }
exfat-boot-checksum = The checksum of the boot region is wrong: the exFAT file system is damaged
exfat-backup-differs = The boot region of the exFAT file system and its backup describe different volumes
exfat-version = The exFAT file system has the unknown version { $version }
exfat-flags = The exFAT file system is marked in a way that this version does not know ({ $flags })
exfat-two-tables = The exFAT file system keeps two allocation tables (TexFAT), which this version does not know
exfat-dirty = The exFAT file system was not closed cleanly: a cable was pulled, the power failed, or it is in use
exfat-media-failure = The exFAT file system remembers errors of the disk
exfat-chain = The chain of clusters that begins at cluster { $cluster } is damaged
exfat-directory = The directory at cluster { $cluster } is damaged
exfat-directories = The exFAT file system has more directories than can be checked
exfat-entry-unknown = The directory at cluster { $cluster } has entries of a kind that this version does not know ({ $kind })
exfat-bitmap-missing = The root directory does not tell where the bitmap of clusters is
exfat-bitmap-length = The bitmap of clusters has { $length } bytes, but there are { $clusters } clusters
exfat-upcase = The up-case table is missing or damaged
exfat-cluster-free = Cluster { $cluster } holds data, but the bitmap calls it free: the file system is damaged
## XFS
xfs-no-superblock = The superblock of the XFS file system is missing or damaged
xfs-unreadable = Part of the file system's own tables, at byte { $offset }, cannot be read: { $why }
xfs-impossible = The superblock says something impossible: { $field } = { $value }
xfs-feature-unknown = The file system uses features that this version does not know: { $names }
xfs-in-progress = The file system was never finished: making it was interrupted
xfs-needs-repair = The file system is marked as in need of a repair with xfs_repair
xfs-longer-than-volume = The file system has { $length } bytes, but its volume has only { $size }
xfs-too-many-groups = The file system has { $groups } allocation groups, more than can be kept in memory
xfs-needs-recovery = The file system was not shut down cleanly, or it is in use: its journal may hold changes that are not yet in place
xfs-log-elsewhere = The journal of the file system is on another device, so whether it holds changes that are not yet in place cannot be told
xfs-log-damaged = The journal of the file system is damaged
xfs-backup-differs = The superblock and its copy at byte { $offset } describe different file systems
xfs-checksum = The checksum of { $what } of allocation group { $group } is wrong: the file system is damaged
xfs-header = The header { $what } of allocation group { $group } makes no sense: the file system is damaged
xfs-tree = The list of free space of allocation group { $group } makes no sense at block { $block }: the file system is damaged
xfs-metadata-free = The list of free space of allocation group { $group } holds some of the file system's own tables, at block { $block }
xfs-free-count-group = Allocation group { $group } has { $counted } free blocks in its list, but its header says { $stored }
xfs-free-count = The file system has { $counted } free blocks in its allocation groups, but its superblock says { $stored }
xfs-trees-differ = The two lists of free space of allocation group { $group } are not the same: the file system is damaged
xfs-real-time-device = The XFS file system “{ $name }” keeps the content of some files on a second, real-time device. Save and restore that one too

## btrfs
btrfs-no-superblock = The superblock of the btrfs file system is missing or damaged
btrfs-unreadable = Part of the file system's own tables, at byte { $offset }, cannot be read: { $why }
btrfs-superblock-checksum = The checksum of the superblock is wrong: the file system is damaged
btrfs-impossible = The superblock says something impossible: { $field } = { $value }
btrfs-feature-unknown = The file system uses features that this version does not know: { $names }
btrfs-state = The superblock says that the file system is not at rest: { $names }
btrfs-other-device = The superblock says that this device belongs to another file system
btrfs-replacement = A replacement of a device was under way, and this is the new device, which is not complete
btrfs-longer-than-volume = The file system has { $length } bytes on this device, but its volume has only { $size }
btrfs-copy-newer = The copy of the superblock at byte { $offset } is newer than the superblock
btrfs-devices-differ = The devices of the file system are not of the same moment: at least one of them was away while the others changed
btrfs-device-twice = Two of the volumes say that they are the same device of the file system
btrfs-device-missing = Another device of the file system is needed to read its tables
btrfs-device-item = The file system and the superblock of device { $device } describe it differently
btrfs-device-count = The file system has { $counted } allocated bytes on this device, but its superblock says { $stored }
btrfs-device-extent = The lists of allocated space disagree at byte { $offset } of this device: the file system is damaged
btrfs-chunk = The chunk at address { $logical } makes no sense: the file system is damaged
btrfs-too-many-chunks = The file system is in too many pieces for the memory that there is
btrfs-checksum = The checksum of the tree block at address { $logical } is wrong: the file system is damaged
btrfs-block = The tree block at address { $logical } makes no sense: the file system is damaged
btrfs-too-many-blocks = The trees of the file system have more blocks than fit in it: it is damaged
btrfs-tree-missing = The tree with number { $tree } is missing: the file system is damaged
btrfs-extent = The extent at address { $logical } makes no sense: the file system is damaged
btrfs-group-count = The block group at address { $logical } has { $counted } used bytes, but its description says { $stored }
btrfs-used-count = The file system has { $counted } used bytes, but its superblock says { $stored }
btrfs-devices-missing = The btrfs file system “{ $name }” has { $all } devices, and only { $there } of them is here. Save all of them together and restore all of them together

# Layers between disk and file system.
filesystem-volume-group = LVM volume group “{ $name }” with { $count ->
    [0] no volumes
    [one] 1 volume: { $volumes }
   *[other] { $count } volumes: { $volumes }
}
filesystem-array = Member of a Linux RAID array ({ $level }): { $content }
filesystem-whole-inside = { $name } whole: { $reason }
layer-inside = Of what it holds ({ $kind }) the used blocks are not known: { $why }

lvm-unreadable = The description of the LVM volume group cannot be read: { $why }
lvm-damaged = The description of the LVM volume group, at byte { $offset }, is damaged
lvm-version = Its LVM format ({ $version }) is newer than this version knows
lvm-cut-off = As a part of an LVM volume group it says it has { $length } bytes, but there are only { $size }
lvm-unfinished = A change of the LVM volume group was begun and not finished
lvm-copies-differ = The descriptions of the LVM volume group on its disks do not agree
lvm-no-metadata = It belongs to an LVM volume group whose description is on other disks. Choose all its disks together
lvm-missing = The LVM volume group “{ $group }” has { $all } physical volumes, and only { $there } of them is here. Choose all its disks together
lvm-twice = The same LVM physical volume is here twice, perhaps as a copy on another disk
lvm-impossible = The description of the LVM volume group says something impossible about “{ $name }”
lvm-overlap = Two volumes of the LVM volume group lie on the same blocks
lvm-segment = It is of the LVM type “{ $kind }”, into which this version does not look
lvm-segment-on-disk = The LVM volume “{ $name }” is of the type “{ $kind }”, into which this version does not look
lvm-part = Other volumes of the LVM volume group use its blocks too
lvm-thin-message = LVM has a change of the thin pool begun and not finished
lvm-thin-volume = It lies in the thin pool “{ $pool }”, whose used blocks are not known: { $why }

thin-unreadable = The metadata of the thin pool cannot be read: { $why }
thin-damaged = Block { $block } of the metadata of the thin pool is damaged
thin-version = The metadata of the thin pool is of version { $version }, which this version does not know
thin-feature = The thin pool uses features that this version does not know
thin-needs-check = The thin pool is marked as in need of a check
thin-transaction = The metadata of the thin pool is of transaction { $stored }, but LVM expects { $expected }
thin-differs = LVM and the metadata of the thin pool describe it differently
thin-size = The thin pool says that one of its volumes has { $length } bytes, but there are only { $size }
thin-too-large = The thin pool has { $blocks } blocks, more than the memory that there is allows for
thin-allocated = The thin pool has { $counted } blocks in use, but its metadata says { $stored }
thin-mapped = Device { $device } of the thin pool has { $counted } blocks, but its description says { $stored }
thin-free = Block { $block } of the thin pool belongs to a device and is free at the same time: the pool is damaged
thin-references = Block { $block } of the metadata of the thin pool is used { $counted } times, but the metadata says { $stored }

md-unreadable = The superblock of the RAID array cannot be read: { $why }
md-damaged = The superblock of the RAID array, at byte { $offset }, is damaged
md-version = Its superblock is of a kind of Linux RAID that this version does not read
md-two-superblocks = It has two superblocks of Linux RAID arrays, and which one is true cannot be told
md-reshape = The RAID array is changing its shape
md-feature = The RAID array uses features that this version does not know: { $bits }
md-level = It is a member of a Linux RAID array of the level { $level }; this version looks into RAID 1 and linear ones
md-not-in-sync = The RAID array was not stopped cleanly
md-spare = This member of a RAID array is a spare, failed, or is being rebuilt: what it holds is not known
md-members-differ = The members of the RAID array tell different stories: one of them missed changes
md-members-missing = The linear RAID array has { $all } members, and only { $there } of them is here. Choose all its disks together

f2fs-superblocks = The two superblocks do not agree, or a checksum of them is wrong
f2fs-features = The file system uses features that this version does not know: { $features }
f2fs-devices = The file system has other devices, too
f2fs-block-size = The blocks or segments of the file system have a size that this version does not know
f2fs-impossible = The superblock or the checkpoint says something impossible: the file system is damaged
f2fs-longer-than-volume = The file system has { $length } bytes, but its volume has only { $size }
f2fs-no-checkpoint = There is no checkpoint that is complete: the file system is damaged
f2fs-needs-check = The file system says that it has to be checked (fsck.f2fs)
f2fs-not-clean = The file system was not unmounted, or is in use
f2fs-journal = The journal of the segment table makes no sense: the file system is damaged
f2fs-segment = What the segment table says of segment { $number } contradicts itself: the file system is damaged
f2fs-count = The segment table and what is reserved for files are { $counted } blocks, but the checkpoint says { $stored }
f2fs-node = The node in block { $number } contradicts itself or the segment table: the file system is damaged
f2fs-nodes = The segment table has { $counted } nodes in use, but the checkpoint says { $stored }
f2fs-unnamed = The segment table has blocks of segment { $number } in use that belong to no file: the file system is damaged
f2fs-compressed = There are more compressed files than this version can keep in mind
udf-no-anchor = There is no anchor where the file system must have one, so it is damaged
udf-damaged = The descriptors of the file system are damaged, or contradict each other
udf-partitions = The file system is laid out as on discs that are written once or rewritten in a way of their own, so what is free is not certain
udf-open = The file system was not closed, or is in use
udf-revision = The file system was written by a revision of UDF that this version does not know: { $revision }
udf-no-count = The file system does not tell how many of its blocks are free, so its bitmap cannot be checked
udf-count = The bitmap has { $counted } free blocks, but { $stored } were counted when the file system was closed
udf-longer-than-volume = The file system has { $length } bytes, but its volume has only { $size }
hfsplus-wrapper = The HFS+ volume lies in an old HFS volume, as for systems before 1998
hfsplus-impossible = The volume header says something impossible: the file system is damaged
hfsplus-longer-than-volume = The file system has { $length } bytes, but its volume has only { $size }
hfsplus-no-alternate = There is no copy of the volume header where it must be: the file system is damaged or was cut off
hfsplus-alternate-differs = The volume header and its copy do not agree
hfsplus-not-clean = The HFS+ file system was not unmounted cleanly: a cable was pulled, the power failed, or it is in use
hfsplus-inconsistent = The volume header says that the file system has to be repaired
hfsplus-attributes = The volume header has attributes that this version does not know: { $bits }
hfsplus-journal-elsewhere = The journal of the file system is on another device
hfsplus-journal-new = The journal of the file system was not made yet: it was never mounted since it was formatted
hfsplus-journal-damaged = The journal of the file system makes no sense, or lies on blocks that are free
hfsplus-journal-full = The HFS+ file system was not unmounted cleanly: its journal holds changes that are in no other place yet
hfsplus-fork = The description of the “{ $file }” file contradicts itself: the file system is damaged
hfsplus-fork-free = The “{ $file }” file lies on blocks that the bitmap calls free: the file system is damaged
hfsplus-too-fragmented = The files of the file system are in too many pieces for the memory that there is
hfsplus-node = Node { $node } of the “{ $file }” file makes no sense: the file system is damaged
hfsplus-records = The “{ $file }” file has { $counted } records, but its header says { $stored }
hfsplus-free-count = The bitmap has { $counted } free blocks, but the volume header says { $stored }
hfsplus-file-free = The file with number { $number } lies on blocks that the bitmap calls free: the file system is damaged
hfsplus-file-blocks = The blocks of the file with number { $number } are not as many as it says: the file system is damaged
hfsplus-files = The catalog has { $counted } files and folders, but the volume header says { $stored }
