# Controllers behind which disks may hide.
hardware-class-scsi = SCSI controller
hardware-class-ide = IDE controller
hardware-class-raid = RAID controller
hardware-class-sata = SATA controller
hardware-class-sas = SAS controller
hardware-class-nvme = NVMe disk
hardware-class-storage = storage controller
hardware-class-sd = SD card reader
hardware-class-usb = USB controller
hardware-no-driver = No driver here for the { $name } at { $address } ({ $ids }): disks on it cannot be seen. Newer firmware settings or a newer version of this program may help.
hardware-intel-raid = The firmware hides disks behind Intel RST RAID mode ({ $ids }). In the firmware setup, switch the SATA or storage mode to AHCI; switch it back before the installed system is started again.
hardware-intel-vmd = The firmware hides NVMe disks behind Intel VMD ({ $ids }). In the firmware setup, switch VMD off; switch it on again before the installed system is started again.
hardware-amd-raid = The firmware hides disks behind AMD RAID mode ({ $ids }). In the firmware setup, switch the SATA and NVMe mode to AHCI or NVMe; switch it back before the installed system is started again. If the disks form a RAID, switching can lose it: then leave it as it is.
hardware-remapped-nvme = { $count ->
    [one] The firmware hides { $count } NVMe disk
   *[other] The firmware hides { $count } NVMe disks
} inside a SATA controller (Intel RST mode). In the firmware setup, switch the SATA or storage mode to AHCI; switch it back before the installed system is started again.

# Finding the disk that a person or a job names.
hardware-selector-empty = The name of a disk is empty
hardware-selector-pattern = { $pattern } is not a valid pattern
hardware-selector-none = No disk here matches { $selector }
hardware-selector-several = { $selector } matches { $count } disks, and it must match exactly one
hardware-selector-file-and-disk = { $name } is the name of a disk and of a file in this folder
hardware-selector-file-or-disk = Write /dev/{ $name } for the disk, ./{ $name } for the file.
hardware-selector-missing = { $path } does not exist
hardware-selector-no-partition = { $disk } has no partition { $number } here
hardware-selector-not-a-disk = { $path } is neither a block device nor a plain file
hardware-selector-unreadable = Cannot look at { $path }
hardware-disks-choose = Name exactly one of them, by its serial number (serial:…), by its name below /dev/disk/by-id, or, when even these are the same, by where it is plugged in (/dev/disk/by-path):
    { $disks }
hardware-disks-here = The disks here are:
    { $disks }
hardware-disks-none = No disk at all can be seen. Look at the cables and at the firmware setup (RAID or VMD mode hides disks).

# What stands in the way of using a device.
hardware-usage-unknown = Cannot find out what uses { $path }
hardware-use-mounted = { $device } is mounted at { $where }
hardware-use-mounted-read-only = { $device } is mounted read-only at { $where }
hardware-use-swap = { $device } is in use as swap
hardware-use-holder = { $device } is part of { $name }
hardware-use-loop = { $device } is attached as { $name }

boot-entries-unreadable = The boot entries of the firmware cannot be read
boot-entries-unwritable = The firmware does not take a boot entry: its memory may be full
