//! Boot entries: which program UEFI firmware starts from which partition, and in which order.
//!
//! Sources: UEFI specification 2.10, sections 3.1.3 (load options), 3.3 (the variables `Boot####`,
//! `BootOrder` and `BootNext`), 10.3.4, 10.3.5.1 and 10.3.5.4 (device paths of networks, a partition and a
//! file), 10.3.6 (what a BIOS starts).
//! The kernel shows a variable as a file: four bytes of attributes, then its value
//! (Documentation/filesystems/efivarfs.rst), which must be written in one piece.

use super::firmware::GLOBAL_VARIABLE;
use super::sysfs;
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::text::message;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Non-volatile, and seen before and after the system starts.
const ATTRIBUTES: [u8; 4] = [7, 0, 0, 0];
/// The firmware offers this entry by itself.
const ACTIVE: u32 = 1;

const MESSAGING: u8 = 3;
/// Hardware addresses, IPv4, IPv6, and addresses of web servers.
const NETWORKS: [u8; 4] = [11, 12, 13, 24];
const MEDIA: u8 = 4;
const HARD_DRIVE: u8 = 1;
const FILE_PATH: u8 = 4;
/// What a BIOS would start, by its kind.
const BIOS_BOOT: u8 = 5;
const BIOS_NETWORKS: [u8; 2] = [6, 0x80];
/// Header of a device path node: type, subtype, length.
const NODE_HEADER: usize = 4;
/// What ends a device path.
const END: [u8; 4] = [0x7f, 0xff, 4, 0];

/// What a partition is recognized by, wherever its disk is attached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PartitionSignature {
    /// The unique GUID of a GPT partition.
    Gpt(Uuid),
    /// The signature of the MBR of its disk.
    Mbr(u32),
}

impl PartitionSignature {
    /// The field of 16 bytes, the kind of table and the kind of signature.
    fn bytes(self) -> [u8; 18] {
        let mut bytes = [0; 18];
        match self {
            Self::Gpt(guid) => {
                bytes[..16].copy_from_slice(&guid.to_bytes_le());
                bytes[16..].copy_from_slice(&[2, 2]);
            }
            Self::Mbr(signature) => {
                bytes[..4].copy_from_slice(&signature.to_le_bytes());
                bytes[16..].copy_from_slice(&[1, 1]);
            }
        }
        bytes
    }
}

/// A partition that firmware starts a program from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BootPartition {
    /// Its number in the table.
    pub number: u32,
    /// Its first sector.
    pub first_sector: u64,
    /// How many sectors it has.
    pub sectors: u64,
    /// What it is recognized by.
    pub signature: PartitionSignature,
}

/// Text as UEFI writes it, with the zero at its end.
fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

/// Text up to its zero, and what follows.
fn split_utf16(bytes: &[u8]) -> Option<(String, &[u8])> {
    let units: Vec<u16> =
        bytes.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
    let end = units.iter().position(|unit| *unit == 0)?;
    Some((String::from_utf16_lossy(&units[..end]), &bytes[2 * end + 2..]))
}

fn node(kind: u8, subtype: u8, content: &[u8]) -> Vec<u8> {
    let length = (NODE_HEADER + content.len()) as u16;
    let mut node = vec![kind, subtype];
    node.extend(length.to_le_bytes());
    node.extend(content);
    node
}

/// The value of `Boot####` that starts the file at `path` of a partition.
fn load_option(label: &str, partition: &BootPartition, path: &str) -> Vec<u8> {
    let mut drive = partition.number.to_le_bytes().to_vec();
    drive.extend(partition.first_sector.to_le_bytes());
    drive.extend(partition.sectors.to_le_bytes());
    drive.extend(partition.signature.bytes());
    let mut device_path = node(MEDIA, HARD_DRIVE, &drive);
    device_path.extend(node(MEDIA, FILE_PATH, &utf16(path)));
    device_path.extend(END);
    let mut option = ACTIVE.to_le_bytes().to_vec();
    option.extend((device_path.len() as u16).to_le_bytes());
    option.extend(utf16(label));
    option.extend(device_path);
    option
}

/// The nodes of the device path in the value of a `Boot####`: type, subtype, content. It ends where
/// nothing is understood any more.
fn nodes(option: &[u8]) -> impl Iterator<Item = (u8, u8, &[u8])> {
    let path = option.split_first_chunk::<6>().and_then(|(&[.., low, high], rest)| {
        split_utf16(rest)?.1.get(..usize::from(u16::from_le_bytes([low, high])))
    });
    let mut rest = path.unwrap_or_default();
    std::iter::from_fn(move || {
        let (&[kind, subtype, low, high], _) = rest.split_first_chunk::<NODE_HEADER>()?;
        let length = usize::from(u16::from_le_bytes([low, high]));
        let content = rest.get(NODE_HEADER..length)?;
        rest = &rest[length..];
        Some((kind, subtype, content))
    })
}

/// Whether the value of a `Boot####` starts the file at `path` of the partition with this
/// signature. One that is not understood does not.
fn starts(option: &[u8], signature: PartitionSignature, path: &str) -> bool {
    let mut is_partition = false;
    for (kind, subtype, content) in nodes(option) {
        match (kind, subtype) {
            (MEDIA, HARD_DRIVE) => is_partition = content.get(20..) == Some(&signature.bytes()),
            (MEDIA, FILE_PATH) => {
                return is_partition
                    && split_utf16(content)
                        .is_some_and(|(there, _)| there.eq_ignore_ascii_case(path));
            }
            _ => {}
        }
    }
    false
}

/// Whether the value of a `Boot####` starts from a network.
fn starts_from_network(option: &[u8]) -> bool {
    nodes(option).any(|(kind, subtype, content)| match kind {
        MESSAGING => NETWORKS.contains(&subtype),
        BIOS_BOOT => content.first().is_some_and(|device| BIOS_NETWORKS.contains(device)),
        _ => false,
    })
}

/// The boot entries of this machine's firmware.
#[derive(Clone, Debug)]
pub struct BootEntries {
    folder: PathBuf,
}

impl BootEntries {
    /// Those of the machine whose tree is at `root`; none when it was not started by UEFI or its
    /// variables cannot be reached.
    pub fn at(root: &Path) -> Option<Self> {
        let folder = root.join("sys/firmware/efi/efivars");
        (!sysfs::names(&folder).is_empty()).then_some(Self { folder })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}-{GLOBAL_VARIABLE}"))
    }

    /// The value of a variable; none when there is no such variable.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let file = self.file(name);
        match fs::read(&file) {
            Ok(bytes) => Ok(Some(bytes.get(ATTRIBUTES.len()..).unwrap_or_default().to_vec())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::new(ErrorKind::Io, message!("boot-entries-unreadable"))
                .at_path(file)
                .caused_by(error)),
        }
    }

    fn write(&self, name: &str, value: &[u8]) -> Result<()> {
        let file = self.file(name);
        fs::write(&file, [ATTRIBUTES.as_slice(), value].concat())
            .context(|| message!("boot-entries-unwritable"))
            .map_err(|error| error.at_path(file))
    }

    fn numbers(value: &[u8]) -> Vec<u16> {
        value.chunks_exact(2).map(|number| u16::from_le_bytes([number[0], number[1]])).collect()
    }

    /// The numbers of all entries that exist, ascending.
    fn all(&self) -> Vec<u16> {
        let number = |name: &String| {
            let digits = name.strip_prefix("Boot")?.strip_suffix(GLOBAL_VARIABLE)?;
            let digits = digits.strip_suffix('-').filter(|digits| digits.len() == 4)?;
            u16::from_str_radix(digits, 16).ok()
        };
        let mut numbers: Vec<u16> = sysfs::names(&self.folder).iter().filter_map(number).collect();
        numbers.sort_unstable();
        numbers
    }

    /// The entry that starts the file at `path` of a partition. Where there is none it is made. One
    /// that is not in the order comes first in it, but after networks that come first: who starts a
    /// room of machines from the network still does.
    ///
    /// # Errors
    /// When the firmware does not take it: its memory may be full.
    pub fn find_or_make(&self, label: &str, partition: &BootPartition, path: &str) -> Result<u16> {
        let all = self.all();
        let mut found = None;
        for number in &all {
            let option = self.read(&format!("Boot{number:04X}"))?.unwrap_or_default();
            if starts(&option, partition.signature, path) {
                found = Some(*number);
                break;
            }
        }
        let number = match found {
            Some(number) => number,
            None => {
                let free = (0..=u16::MAX).find(|number| all.binary_search(number).is_err());
                let number = free.unwrap_or(u16::MAX);
                let option = load_option(label, partition, path);
                self.write(&format!("Boot{number:04X}"), &option)?;
                number
            }
        };
        let mut order = Self::numbers(&self.read("BootOrder")?.unwrap_or_default());
        if !order.contains(&number) {
            order.insert(self.networks_first(&order), number);
            let order: Vec<u8> = order.into_iter().flat_map(u16::to_le_bytes).collect();
            self.write("BootOrder", &order)?;
        }
        Ok(number)
    }

    /// How many entries at the start of the order are networks.
    fn networks_first(&self, order: &[u16]) -> usize {
        let is_network = |number: &&u16| {
            let option = self.read(&format!("Boot{number:04X}"));
            option.is_ok_and(|option| option.is_some_and(|option| starts_from_network(&option)))
        };
        order.iter().take_while(is_network).count()
    }

    /// Lets the firmware start with this entry, the next time only.
    ///
    /// # Errors
    /// When the firmware does not take it.
    pub fn start_next(&self, number: u16) -> Result<()> {
        self.write("BootNext", &number.to_le_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DEBIAN: &str = "\\EFI\\debian\\shimx64.efi";

    fn partition() -> BootPartition {
        BootPartition {
            number: 1,
            first_sector: 2048,
            sectors: 1_048_576,
            signature: PartitionSignature::Gpt(Uuid::from_u128(
                0x00112233_4455_6677_8899_aabbccddeeff,
            )),
        }
    }

    fn firmware() -> (tempfile::TempDir, BootEntries) {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("sys/firmware/efi/efivars");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("SecureBoot-{GLOBAL_VARIABLE}")), [6, 0, 0, 0, 1]).unwrap();
        let entries = BootEntries::at(root.path()).unwrap();
        (root, entries)
    }

    #[test]
    fn an_entry_is_what_the_specification_says() {
        let option = load_option("debian", &partition(), DEBIAN);
        let path_length = 4 + 2 * (DEBIAN.len() + 1);
        let mut expected = vec![1, 0, 0, 0, (42 + path_length + 4) as u8, 0];
        expected.extend(b"d\0e\0b\0i\0a\0n\0\0\0");
        expected.extend([4, 1, 42, 0, 1, 0, 0, 0]);
        expected.extend([0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0]);
        expected.extend([0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66]);
        expected.extend([0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 2, 2]);
        expected.extend([4, 4, path_length as u8, 0]);
        expected.extend(utf16(DEBIAN));
        expected.extend(END);
        assert_eq!(option, expected);
    }

    #[test]
    fn an_entry_is_made_once_and_comes_first_in_the_order() {
        let (_root, entries) = firmware();
        entries.write("Boot0000", b"what nobody understands").unwrap();
        entries.write("BootOrder", &[0, 0]).unwrap();
        assert_eq!(entries.find_or_make("debian", &partition(), DEBIAN).unwrap(), 1);
        let upper = DEBIAN.to_uppercase();
        assert_eq!(entries.find_or_make("debian", &partition(), &upper).unwrap(), 1);
        assert_eq!(entries.read("BootOrder").unwrap().unwrap(), [1, 0, 0, 0]);
        let other = BootPartition { signature: PartitionSignature::Mbr(7), ..partition() };
        assert_eq!(entries.find_or_make("debian", &other, DEBIAN).unwrap(), 2);
        assert_eq!(entries.find_or_make("debian", &other, DEBIAN).unwrap(), 2);
        assert_eq!(entries.find_or_make("x", &partition(), "\\EFI\\x\\grubx64.efi").unwrap(), 3);
        assert_eq!(entries.read("BootOrder").unwrap().unwrap(), [3, 0, 2, 0, 1, 0, 0, 0]);
        entries.start_next(2).unwrap();
        let file = entries.file("BootNext");
        assert_eq!(fs::read(file).unwrap(), [7, 0, 0, 0, 2, 0]);
    }

    #[test]
    fn networks_that_come_first_stay_first() {
        let (_root, entries) = firmware();
        let option = |kind: u8, subtype: u8, content: &[u8]| {
            let mut path = node(2, 1, &[0; 8]);
            path.extend(node(kind, subtype, content));
            path.extend(END);
            let mut option = ACTIVE.to_le_bytes().to_vec();
            option.extend((path.len() as u16).to_le_bytes());
            option.extend(utf16("PXE"));
            option.extend(path);
            option
        };
        entries.write("Boot0000", &option(MESSAGING, 11, &[0; 33])).unwrap();
        entries.write("Boot0001", &option(BIOS_BOOT, 1, &[0x80, 0, 0, 0])).unwrap();
        entries.write("Boot0002", &option(BIOS_BOOT, 1, &[2, 0, 0, 0])).unwrap();
        entries.write("BootOrder", &[0, 0, 1, 0, 2, 0, 0, 0]).unwrap();
        assert_eq!(entries.find_or_make("debian", &partition(), DEBIAN).unwrap(), 3);
        let order = entries.read("BootOrder").unwrap().unwrap();
        assert_eq!(order, [0, 0, 1, 0, 3, 0, 2, 0, 0, 0]);
    }

    #[test]
    fn an_entry_outside_of_the_order_is_put_into_it() {
        let (_root, entries) = firmware();
        entries.write("Boot000A", &load_option("debian", &partition(), DEBIAN)).unwrap();
        assert_eq!(entries.find_or_make("other", &partition(), DEBIAN).unwrap(), 10);
        assert_eq!(entries.read("BootOrder").unwrap().unwrap(), [10, 0]);
    }

    #[test]
    fn a_machine_without_uefi_has_no_entries() {
        let root = tempfile::tempdir().unwrap();
        assert!(BootEntries::at(root.path()).is_none());
    }

    proptest! {
        #[test]
        fn what_is_written_is_found(
            label in "\\PC{0,30}", path in "[a-zA-Z0-9\\\\]{1,60}", number in 1u32..200,
            first_sector: u64, sectors: u64, guid: u128,
        ) {
            let signature = PartitionSignature::Gpt(Uuid::from_u128(guid));
            let partition = BootPartition { number, first_sector, sectors, signature };
            let label = label.replace('\0', "");
            let option = load_option(&label, &partition, &path);
            prop_assert!(starts(&option, signature, &path));
            let other = PartitionSignature::Gpt(Uuid::from_u128(!guid));
            prop_assert!(!starts(&option, other, &path));
            let longer = format!("{path}x");
            prop_assert!(!starts(&option, signature, &longer));
            for end in 0..option.len() - END.len() {
                prop_assert!(!starts(&option[..end], signature, &path));
            }
        }

        #[test]
        fn whatever_firmware_says_is_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let signature = PartitionSignature::Mbr(1);
            starts(&bytes, signature, "x");
            starts_from_network(&bytes);
            let mut option = load_option("a", &partition(), "b");
            for (to, from) in option.iter_mut().skip(4).zip(&bytes) {
                *to ^= from;
            }
            starts(&option, signature, "x");
            starts_from_network(&option);
        }
    }
}
