//! What a person calls the kinds of volume, and why this version saves some of them whole.

use super::{Doubt, Volume, VolumeKind};
use crate::text::{Message, message};

/// Volumes in a group that are named; of more their number is.
const NAMED: usize = 12;
/// Those of them that are saved whole and why, as far as that is told.
const EXPLAINED: usize = 4;

impl Volume {
    /// What a person calls it: the name of its kind, and for a layer what it holds.
    pub fn title(&self) -> Message {
        let parts = self.inside.iter();
        match (self.kind, &self.label) {
            (VolumeKind::LinuxRaid, _) if self.inside.len() == 1 => {
                let inside = &self.inside[0];
                message!(
                    "filesystem-array",
                    level = inside.name.as_str(),
                    content = inside.volume.title()
                )
            }
            (VolumeKind::Lvm2, Some(name)) => {
                let mut names: Vec<String> = parts
                    .take(NAMED)
                    .map(|inside| format!("{} ({})", inside.name, inside.volume.title()))
                    .collect();
                if self.inside.len() > NAMED {
                    names.push("…".to_owned());
                }
                message!(
                    "filesystem-volume-group",
                    name = name.as_str(),
                    count = self.inside.len(),
                    volumes = names.join(", ")
                )
            }
            _ => self.kind.name(),
        }
    }
}

impl Volume {
    /// Which of the volumes inside are saved whole and why, the first few. Of thin volumes their pool
    /// tells.
    pub fn whole_inside(&self) -> Vec<Message> {
        let told = self.inside.iter().filter(|inside| inside.volume.kind != VolumeKind::ThinVolume);
        told.filter_map(|inside| Some((inside.name.as_str(), inside.why_whole.clone()?)))
            .map(|(name, reason)| message!("filesystem-whole-inside", name = name, reason = reason))
            .take(EXPLAINED)
            .collect()
    }
}

impl VolumeKind {
    /// The name a person knows: `ext4`, `NTFS`, "Linux RAID member". Technical names are the
    /// same in every language.
    pub fn name(self) -> Message {
        let name = match self {
            Self::Ext2 => "ext2",
            Self::Ext3 => "ext3",
            Self::Ext4 => "ext4",
            Self::ExtJournal => return message!("filesystem-kind-ext-journal"),
            Self::Fat12 => "FAT12",
            Self::Fat16 => "FAT16",
            Self::Fat32 => "FAT32",
            Self::Exfat => "exFAT",
            Self::Ntfs => "NTFS",
            Self::Refs => "ReFS",
            Self::Bitlocker => "BitLocker",
            Self::Xfs => "XFS",
            Self::XfsLog => return message!("filesystem-kind-xfs-log"),
            Self::Btrfs => "btrfs",
            Self::F2fs => "f2fs",
            Self::HfsPlus => "HFS+",
            Self::Apfs => "APFS",
            Self::Zfs => "ZFS",
            Self::Bcachefs => "bcachefs",
            Self::Bcache => "bcache",
            Self::Nilfs2 => "NILFS2",
            Self::Jfs => "JFS",
            Self::Reiserfs => "ReiserFS",
            Self::Ufs => "UFS",
            Self::Vmfs => "VMFS",
            Self::Iso9660 => "ISO 9660",
            Self::Udf => "UDF",
            Self::Squashfs => "SquashFS",
            Self::Erofs => "EROFS",
            Self::Swap => "swap",
            Self::Luks1 => "LUKS1",
            Self::Luks2 => "LUKS2",
            Self::Lvm2 => "LVM2",
            Self::ThinPool => return message!("filesystem-kind-thin-pool"),
            Self::ThinVolume => return message!("filesystem-kind-thin-volume"),
            Self::LinuxRaid => return message!("filesystem-kind-linux-raid"),
            Self::FirmwareRaid => return message!("filesystem-kind-firmware-raid"),
            Self::Drbd => "DRBD",
            Self::Verity => "dm-verity",
            Self::Unknown => return message!("filesystem-kind-unknown"),
        };
        message!("filesystem-kind", name = name)
    }

    /// Whether other volumes lie inside: its own signature counts for more than theirs.
    pub const fn is_container(self) -> bool {
        matches!(
            self,
            Self::LinuxRaid
                | Self::FirmwareRaid
                | Self::Drbd
                | Self::Luks1
                | Self::Luks2
                | Self::Bitlocker
                | Self::Lvm2
                | Self::Bcache
        )
    }

    /// Why a volume of this kind, for which there is no reader, is saved whole.
    pub(super) fn why_whole(self) -> Doubt {
        match self {
            Self::Unknown => message!("filesystem-unknown"),
            Self::Luks1 | Self::Luks2 | Self::Bitlocker => {
                message!("filesystem-encrypted", kind = self.name())
            }
            Self::LinuxRaid
            | Self::FirmwareRaid
            | Self::Drbd
            | Self::Lvm2
            | Self::ThinPool
            | Self::ThinVolume
            | Self::Bcache
            | Self::Verity => {
                message!("filesystem-part-of-whole", kind = self.name())
            }
            _ => message!("filesystem-no-reader", kind = self.name()),
        }
    }
}
