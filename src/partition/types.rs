//! What the types of partitions mean, in words and in predicates.
//!
//! GUIDs: UEFI Specification 2.10, section 5.3.3; the UAPI Group's Discoverable Partitions
//! Specification; the documentation of the systems that define their own. A test compares them
//! with the list of another program.

use super::PartitionType;
use crate::text::{Message, message};
use uuid::{Uuid, uuid};

const EFI_SYSTEM: Uuid = uuid!("c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
const BIOS_BOOT: Uuid = uuid!("21686148-6449-6e6f-744e-656564454649");
const MICROSOFT_RESERVED: Uuid = uuid!("e3c9e316-0b5c-4db8-817d-f92df00215ae");
/// The two types of Windows dynamic disks.
pub(super) const DYNAMIC_DATABASE: Uuid = uuid!("5808c8aa-7e8f-42e0-85d2-e1e90434cfb3");
pub(super) const DYNAMIC_DATA: Uuid = uuid!("af9b60a0-1431-4f62-bc68-3311714a69ad");
const LINUX_SWAP: Uuid = uuid!("0657fd6d-a4ab-43c4-84e5-0933c84b4f4f");

/// A name in words, to be translated, or one that is the same in every language.
enum Name {
    Words(fn() -> Message),
    Proper(&'static str),
}

use Name::{Proper, Words};

/// Sorted by what people meet most often.
const GPT_NAMES: &[(Uuid, Name)] = &[
    (EFI_SYSTEM, Words(|| message!("partition-type-efi-system"))),
    (BIOS_BOOT, Words(|| message!("partition-type-bios-boot"))),
    (MICROSOFT_RESERVED, Words(|| message!("partition-type-microsoft-reserved"))),
    (
        uuid!("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"),
        Words(|| message!("partition-type-basic-data")),
    ),
    (
        uuid!("de94bba4-06d1-4d40-a16a-bfd50179d6ac"),
        Words(|| message!("partition-type-windows-recovery")),
    ),
    (DYNAMIC_DATABASE, Words(|| message!("partition-type-dynamic-database"))),
    (DYNAMIC_DATA, Words(|| message!("partition-type-dynamic-data"))),
    (uuid!("e75caf8f-f680-4cee-afa3-b001e56efc2d"), Proper("Windows Storage Spaces")),
    (LINUX_SWAP, Words(|| message!("partition-type-linux-swap"))),
    (
        uuid!("0fc63daf-8483-4772-8e79-3d69d8477de4"),
        Words(|| message!("partition-type-linux-data")),
    ),
    (
        uuid!("4f68bce3-e8cd-4db1-96e7-fbcaf984b709"),
        Words(|| message!("partition-type-linux-root", processor = "x86-64")),
    ),
    (
        uuid!("44479540-f297-41b2-9af7-d131d5f0458a"),
        Words(|| message!("partition-type-linux-root", processor = "x86")),
    ),
    (
        uuid!("b921b045-1df0-41c3-af44-4c6f280d3fae"),
        Words(|| message!("partition-type-linux-root", processor = "ARM64")),
    ),
    (
        uuid!("69dad710-2ce4-4e3c-b16c-21a1d49abed3"),
        Words(|| message!("partition-type-linux-root", processor = "ARM")),
    ),
    (
        uuid!("72ec70a6-cf74-40e6-bd49-4bda08e8f224"),
        Words(|| message!("partition-type-linux-root", processor = "RISC-V 64")),
    ),
    (
        uuid!("933ac7e1-2eb4-4f13-b844-0e14e2aef915"),
        Words(|| message!("partition-type-linux-home")),
    ),
    (
        uuid!("3b8f8425-20e0-4f3b-907f-1a25a76f98e8"),
        Words(|| message!("partition-type-linux-server")),
    ),
    (
        uuid!("bc13c2ff-59e6-4262-a352-b275fd6f7172"),
        Words(|| message!("partition-type-linux-boot")),
    ),
    (uuid!("8484680c-9521-48c6-9c11-b0720656f69e"), Proper("Linux /usr (x86-64)")),
    (uuid!("4d21b016-b534-45c2-a9fb-5c16e091fd2d"), Proper("Linux /var")),
    (uuid!("7ec6f557-3bc5-4aca-b293-16ef5df639d1"), Proper("Linux /var/tmp")),
    (uuid!("2c7357ed-ebd2-46d9-aec1-23d437ec2bf5"), Proper("Linux dm-verity (x86-64)")),
    (uuid!("e6d6d379-f507-44c2-a23c-238f2a3df928"), Proper("Linux LVM")),
    (uuid!("a19d880f-05fc-4d3b-a006-743f0f84911e"), Proper("Linux RAID")),
    (uuid!("ca7d7ccb-63ed-4c53-861c-1742536059cc"), Proper("Linux LUKS")),
    (uuid!("9e1a2d38-c612-4316-aa26-8b49521e5a8b"), Proper("PowerPC PReP")),
    (uuid!("fe3a2a5d-4f32-41a7-b725-accc3285a309"), Proper("ChromeOS kernel")),
    (uuid!("3cb8e202-3b7e-47dd-8a3c-7ff2a13cfcec"), Proper("ChromeOS rootfs")),
    (uuid!("2e0a753d-9e48-43b0-8337-b15192cb1b5e"), Proper("ChromeOS reserved")),
    (uuid!("cab6e88e-abf3-4102-a07a-d4bb9be3c1d3"), Proper("ChromeOS firmware")),
    (uuid!("48465300-0000-11aa-aa11-00306543ecac"), Proper("Apple HFS+")),
    (uuid!("7c3457ef-0000-11aa-aa11-00306543ecac"), Proper("Apple APFS")),
    (uuid!("53746f72-6167-11aa-aa11-00306543ecac"), Proper("Apple Core Storage")),
    (uuid!("426f6f74-0000-11aa-aa11-00306543ecac"), Proper("Apple Boot")),
    (uuid!("69646961-6700-11aa-aa11-00306543ecac"), Proper("Apple Silicon Boot")),
    (uuid!("52637672-7900-11aa-aa11-00306543ecac"), Proper("Apple Silicon Recovery")),
    (uuid!("52414944-0000-11aa-aa11-00306543ecac"), Proper("Apple RAID")),
    (uuid!("83bd6b9d-7f41-11dc-be0b-001560b84f0f"), Proper("FreeBSD Boot")),
    (uuid!("516e7cb5-6ecf-11d6-8ff8-00022d09712b"), Proper("FreeBSD swap")),
    (uuid!("516e7cb6-6ecf-11d6-8ff8-00022d09712b"), Proper("FreeBSD UFS")),
    (uuid!("516e7cba-6ecf-11d6-8ff8-00022d09712b"), Proper("FreeBSD ZFS")),
    (uuid!("516e7cb4-6ecf-11d6-8ff8-00022d09712b"), Proper("FreeBSD disklabel")),
    (uuid!("49f48d5a-b10e-11dc-b99b-0019d1879648"), Proper("NetBSD FFS")),
    (uuid!("824cc7a0-36a8-11e3-890a-952519ad3f61"), Proper("OpenBSD")),
    (uuid!("6a898cc3-1dd2-11b2-99a6-080020736631"), Proper("ZFS")),
    (uuid!("6a945a3b-1dd2-11b2-99a6-080020736631"), Proper("Solaris reserved (ZFS)")),
    (uuid!("aa31e02a-400f-11db-9590-000c2911d1b8"), Proper("VMware VMFS")),
    (uuid!("9d275380-40ad-11db-bf97-000c2911d1b8"), Proper("VMware vmkcore")),
];

const MBR_NAMES: &[(u8, Name)] = &[
    (0x00, Words(|| message!("partition-type-empty"))),
    (0x01, Proper("FAT12")),
    (0x04, Proper("FAT16")),
    (0x05, Words(|| message!("partition-type-extended"))),
    (0x06, Proper("FAT16")),
    (0x07, Proper("NTFS / exFAT")),
    (0x0b, Proper("FAT32")),
    (0x0c, Proper("FAT32")),
    (0x0e, Proper("FAT16")),
    (0x0f, Words(|| message!("partition-type-extended"))),
    (0x11, Words(|| message!("partition-type-hidden", name = "FAT12"))),
    (0x12, Words(|| message!("partition-type-maker"))),
    (0x14, Words(|| message!("partition-type-hidden", name = "FAT16"))),
    (0x16, Words(|| message!("partition-type-hidden", name = "FAT16"))),
    (0x17, Words(|| message!("partition-type-hidden", name = "NTFS / exFAT"))),
    (0x1b, Words(|| message!("partition-type-hidden", name = "FAT32"))),
    (0x1c, Words(|| message!("partition-type-hidden", name = "FAT32"))),
    (0x1e, Words(|| message!("partition-type-hidden", name = "FAT16"))),
    (0x27, Words(|| message!("partition-type-windows-recovery"))),
    (0x41, Proper("PowerPC PReP")),
    (super::mbr::TYPE_DYNAMIC_DISK, Words(|| message!("partition-type-dynamic-data"))),
    (0x82, Words(|| message!("partition-type-linux-swap"))),
    (0x83, Words(|| message!("partition-type-linux-data"))),
    (0x84, Words(|| message!("partition-type-hibernation"))),
    (0x85, Words(|| message!("partition-type-extended"))),
    (0x8e, Proper("Linux LVM")),
    (0xa5, Proper("FreeBSD")),
    (0xa6, Proper("OpenBSD")),
    (0xa8, Proper("Apple UFS")),
    (0xa9, Proper("NetBSD")),
    (0xab, Proper("Apple Boot")),
    (0xaf, Proper("Apple HFS+")),
    (0xbe, Proper("Solaris Boot")),
    (0xbf, Proper("Solaris")),
    (0xda, Words(|| message!("partition-type-other-data"))),
    (0xde, Words(|| message!("partition-type-maker"))),
    (0xea, Words(|| message!("partition-type-linux-boot"))),
    (0xeb, Proper("Haiku BFS")),
    (super::mbr::TYPE_PROTECTIVE, Words(|| message!("partition-type-protective"))),
    (0xef, Words(|| message!("partition-type-efi-system"))),
    (0xfb, Proper("VMware VMFS")),
    (0xfc, Proper("VMware vmkcore")),
    (0xfd, Proper("Linux RAID")),
];

impl PartitionType {
    /// What it is for, in words; its code where this is not known.
    pub fn name(self) -> Message {
        let (name, code) = match self {
            Self::Gpt(guid) => (
                GPT_NAMES.iter().find(|(known, _)| *known == guid).map(|(_, n)| n),
                guid.to_string(),
            ),
            Self::Mbr(byte) => (
                MBR_NAMES.iter().find(|(known, _)| *known == byte).map(|(_, n)| n),
                format!("{byte:02x}"),
            ),
        };
        match name {
            Some(Words(words)) => words(),
            Some(Proper(name)) => message!("partition-type-proper", name = *name),
            None => message!("partition-type-unknown", code = code),
        }
    }

    /// Whether it is an EFI system partition.
    pub fn is_efi_system(self) -> bool {
        matches!(self, Self::Gpt(EFI_SYSTEM) | Self::Mbr(0xef))
    }

    /// Whether it holds boot code that the BIOS loads through a GPT.
    pub fn is_bios_boot(self) -> bool {
        self == Self::Gpt(BIOS_BOOT)
    }

    /// Whether it is space that Windows keeps for itself.
    pub fn is_microsoft_reserved(self) -> bool {
        self == Self::Gpt(MICROSOFT_RESERVED)
    }

    /// Whether it is meant for Linux swap. In an MBR the same type also means Solaris.
    pub fn is_linux_swap(self) -> bool {
        matches!(self, Self::Gpt(LINUX_SWAP) | Self::Mbr(0x82))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Language;
    use std::collections::BTreeMap;
    use std::process::Command;

    /// The types another program knows, by their code in lower case.
    fn known_elsewhere(label: &str) -> BTreeMap<String, String> {
        let output =
            Command::new("sfdisk").args(["--label", label, "--list-types"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let pair = |line: &str| {
            let (code, name) = line.trim().split_once("  ")?;
            Some((code.to_lowercase(), name.trim().to_lowercase()))
        };
        text.lines().skip(1).filter_map(pair).collect()
    }

    /// Whether two names share a word, or a word of one begins with a word of the other.
    fn resemble(ours: &str, theirs: &str) -> bool {
        let words = |text: &str| -> Vec<String> {
            let text = text.to_lowercase().replace("ntfs / exfat", "hpfs/ntfs/exfat");
            text.split([' ', '(', ')', '/', '+']).filter(|w| w.len() > 2).map(Into::into).collect()
        };
        words(ours).iter().any(|a| words(theirs).iter().any(|b| a.contains(b) || b.contains(a)))
    }

    #[test]
    fn guids_are_those_that_other_programs_know() {
        let theirs = known_elsewhere("gpt");
        assert!(theirs.len() > 50);
        let mut compared = 0;
        for (guid, _) in GPT_NAMES {
            let ours = PartitionType::Gpt(*guid).name().in_language(Language::English);
            let Some(theirs) = theirs.get(&guid.to_string()) else { continue };
            assert!(resemble(&ours, theirs), "{guid}: {ours} is {theirs}");
            compared += 1;
        }
        // LUKS and the ChromeOS firmware are not in the list of util-linux 2.38.
        assert!(compared >= GPT_NAMES.len() - 2, "{compared} of {}", GPT_NAMES.len());
    }

    #[test]
    fn type_bytes_are_those_that_other_programs_know() {
        let theirs = known_elsewhere("dos");
        for (byte, _) in MBR_NAMES {
            let ours = PartitionType::Mbr(*byte).name().in_language(Language::English);
            let theirs = &theirs[&format!("{byte:x}")];
            // Names that both are right about and that share no word.
            let differs = matches!(byte, 0x0f | 0x12 | 0x27 | 0x42 | 0xda | 0xde | 0xeb);
            assert!(differs || resemble(&ours, theirs), "{byte:02x}: {ours} is {theirs}");
        }
    }

    #[test]
    fn every_name_is_listed_once_and_translated() {
        for (index, (guid, _)) in GPT_NAMES.iter().enumerate() {
            assert!(!GPT_NAMES[..index].iter().any(|(other, _)| other == guid), "{guid}");
        }
        assert!(MBR_NAMES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let recovery = PartitionType::Mbr(0x27).name();
        assert_ne!(
            recovery.in_language(Language::English),
            recovery.in_language(Language::Spanish)
        );
        let unknown = PartitionType::Mbr(0x77).name().in_language(Language::English);
        assert!(unknown.contains("77"), "{unknown}");
    }

    #[test]
    fn predicates_know_both_schemes() {
        assert!(PartitionType::Gpt(EFI_SYSTEM).is_efi_system());
        assert!(PartitionType::Mbr(0xef).is_efi_system());
        assert!(!PartitionType::Mbr(0xee).is_efi_system());
        assert!(PartitionType::Gpt(BIOS_BOOT).is_bios_boot());
        assert!(PartitionType::Gpt(MICROSOFT_RESERVED).is_microsoft_reserved());
        assert!(PartitionType::Mbr(0x82).is_linux_swap());
        assert!(!PartitionType::Mbr(0x83).is_linux_swap());
    }
}
