//! SCSI vital product data: the pages in which a disk tells who it is.
//!
//! Formats: SPC-4, section 7.8 (pages 0x80 and 0x83); SAT-3, section 12.4.2 (page 0x89, which
//! holds the answer to ATA IDENTIFY DEVICE, ACS-3 section 7.12).

use super::sysfs::printable;

/// The data of a VPD page after its 4-byte header, if it is the page with this number.
fn payload(page: &[u8], number: u8) -> Option<&[u8]> {
    let header = page.first_chunk::<4>()?;
    if header[1] != number {
        return None;
    }
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    Some(&page[4..page.len().min(4 + length)])
}

/// The serial number in the unit serial number page (0x80).
pub(super) fn unit_serial_number(page: &[u8]) -> Option<String> {
    printable(payload(page, 0x80)?)
}

/// What an ATA disk answers about itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct AtaIdentity {
    /// All 40 characters of the model, without padding.
    pub(super) model: String,
    /// All 20 characters of the serial number, without padding.
    pub(super) serial: Option<String>,
    /// World wide name, where the disk has one.
    pub(super) world_wide_name: Option<u64>,
}

/// Reads the ATA information page (0x89).
pub(super) fn ata_identity(page: &[u8]) -> Option<AtaIdentity> {
    // 56 bytes after the header come the 256 words of IDENTIFY DEVICE, little endian.
    let identify = payload(page, 0x89)?.get(56..)?.first_chunk::<512>()?;
    let word = |index: usize| u16::from_le_bytes([identify[2 * index], identify[2 * index + 1]]);
    // Each word of an ATA string holds its first character in the high byte.
    let text = |first: usize, count: usize| {
        let bytes: Vec<u8> = (first..first + count).flat_map(|i| word(i).to_be_bytes()).collect();
        printable(&bytes)
    };
    // Word 87: bits 15:14 are 01 when it is valid, bit 8 says that words 108 to 111 are.
    let named = word(87) & 0xc100 == 0x4100;
    let name = (108..112).fold(0u64, |name, i| name << 16 | u64::from(word(i)));
    Some(AtaIdentity {
        model: text(27, 20)?,
        serial: text(10, 10),
        world_wide_name: (named && name != 0).then_some(name),
    })
}

/// The kinds of designators that name a disk (SPC-4, table 589).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum DesignatorKind {
    Vendor,
    T10,
    Eui64,
    Naa,
}

/// One designator of the device identification page that belongs to the disk itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Designator {
    pub(super) kind: DesignatorKind,
    /// Whether the value is numbers, written in hexadecimal, and not characters.
    pub(super) binary: bool,
    pub(super) value: Vec<u8>,
}

impl Designator {
    /// The kind of NAA name: 5 is "IEEE registered", 6 "IEEE registered extended".
    fn naa(&self) -> Option<u8> {
        (self.kind == DesignatorKind::Naa).then(|| self.value.first().map(|byte| byte >> 4))?
    }

    /// The value as it is written in names: hexadecimal digits or characters.
    pub(super) fn text(&self) -> String {
        if self.binary {
            hex::encode(&self.value)
        } else {
            let end = self.value.iter().position(|byte| *byte == 0).unwrap_or(self.value.len());
            String::from_utf8_lossy(&self.value[..end]).into_owned()
        }
    }
}

/// The designators of the disk itself in the device identification page (0x83); those of its
/// port and target are left out.
pub(super) fn designators(page: &[u8]) -> Vec<Designator> {
    let mut found = Vec::new();
    let mut rest = payload(page, 0x83).unwrap_or(&[]);
    while let Some(header) = rest.first_chunk::<4>() {
        let end = 4 + usize::from(header[3]);
        let Some(value) = rest.get(4..end) else { break };
        let kind = match header[1] & 0x0f {
            0 => Some(DesignatorKind::Vendor),
            1 => Some(DesignatorKind::T10),
            2 => Some(DesignatorKind::Eui64),
            3 => Some(DesignatorKind::Naa),
            _ => None,
        };
        let logical_unit = header[1] & 0x30 == 0;
        let code_set = header[0] & 0x0f;
        if let (Some(kind), true, 1..=3) = (kind, logical_unit, code_set) {
            found.push(Designator { kind, binary: code_set == 1, value: value.to_vec() });
        }
        rest = &rest[end..];
    }
    found
}

/// The designator that names a disk best: registered NAA names before others, then EUI-64,
/// T10, and what the vendor made up; numbers before characters.
pub(super) fn best(designators: &[Designator]) -> Option<&Designator> {
    let rank = |designator: &Designator| {
        let kind = match (designator.kind, designator.naa()) {
            (DesignatorKind::Naa, Some(6)) => 0,
            (DesignatorKind::Naa, Some(5)) => 1,
            (DesignatorKind::Naa, _) => 2,
            (DesignatorKind::Eui64, _) => 3,
            (DesignatorKind::T10, _) => 4,
            (DesignatorKind::Vendor, _) => 5,
        };
        (kind, !designator.binary)
    };
    designators.iter().filter(|designator| !designator.value.is_empty()).min_by_key(|d| rank(d))
}

/// Model and serial number of an ATA disk from the T10 designator that every SCSI to ATA
/// translation makes of them: vendor "ATA", 40 characters, 20 characters.
pub(super) fn ata_identity_from_designators(designators: &[Designator]) -> Option<AtaIdentity> {
    let t10 = designators.iter().find(|designator| {
        designator.kind == DesignatorKind::T10
            && !designator.binary
            && designator.value.starts_with(b"ATA     ")
    })?;
    let world_wide_name = designators.iter().find_map(|designator| match designator.naa() {
        Some(5) => designator.value.first_chunk::<8>().map(|name| u64::from_be_bytes(*name)),
        _ => None,
    });
    Some(AtaIdentity {
        model: printable(t10.value.get(8..48)?)?,
        serial: t10.value.get(48..68).and_then(printable),
        world_wide_name,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A VPD page around its data.
    pub(in super::super) fn page(number: u8, data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(data.len()).unwrap().to_be_bytes();
        [&[0, number, length[0], length[1]], data].concat()
    }

    /// A designator: code set, association and type, value.
    pub(in super::super) fn designator(code_set: u8, kind: u8, value: &[u8]) -> Vec<u8> {
        [&[code_set, kind, 0, value.len() as u8], value].concat()
    }

    /// The pages 0x83 and 0x89 of an ATA disk as the kernel's translation makes them.
    pub(in super::super) fn ata_pages(
        model: &str,
        serial: &str,
        name: Option<u64>,
    ) -> (Vec<u8>, Vec<u8>) {
        let mut identify = [0u8; 512];
        let mut put = |first: usize, text: String| {
            for (i, pair) in text.as_bytes().chunks(2).enumerate() {
                identify[2 * (first + i)] = pair[1];
                identify[2 * (first + i) + 1] = pair[0];
            }
        };
        put(27, format!("{model:40}"));
        // Serial numbers are padded in front by many disks.
        put(10, format!("{serial:>20}"));
        let mut identification = designator(2, 0x00, format!("{serial:>20}").as_bytes());
        identification.extend(designator(
            2,
            0x01,
            format!("ATA     {model:40}{serial:>20}").as_bytes(),
        ));
        if let Some(name) = name {
            identify[2 * 87..][..2].copy_from_slice(&0x4100u16.to_le_bytes());
            for (i, word) in name.to_be_bytes().chunks(2).enumerate() {
                identify[2 * (108 + i)] = word[1];
                identify[2 * (108 + i) + 1] = word[0];
            }
            identification.extend(designator(1, 0x03, &name.to_be_bytes()));
        }
        (page(0x83, &identification), page(0x89, &[&[0u8; 56][..], &identify].concat()))
    }

    #[test]
    fn an_ata_disk_is_known_from_either_page() {
        let (page_83, page_89) =
            ata_pages("Samsung SSD 860 EVO 500GB", "S3Z1NB0K123456X", Some(0x5002538e4012abcd));
        let expected = AtaIdentity {
            model: "Samsung SSD 860 EVO 500GB".into(),
            serial: Some("S3Z1NB0K123456X".into()),
            world_wide_name: Some(0x5002538e4012abcd),
        };
        assert_eq!(ata_identity(&page_89), Some(expected.clone()));
        assert_eq!(ata_identity_from_designators(&designators(&page_83)), Some(expected));
        assert_eq!(ata_identity(&page_83), None, "another page is not this one");
        assert_eq!(ata_identity(&page_89[..500]), None, "cut off");

        let (_, without_name) = ata_pages("QEMU HARDDISK", "QM00001", None);
        assert_eq!(ata_identity(&without_name).unwrap().world_wide_name, None);
    }

    #[test]
    fn the_best_designator_is_the_disks_own_registered_name() {
        let port = designator(1, 0x13, &[0x5, 0, 0xc5, 0, 1, 2, 3, 4]);
        let vendor = designator(2, 0x00, b"anything");
        let t10 = designator(2, 0x01, b"HGST    ABC");
        let naa_5 = designator(1, 0x03, &[0x50, 0, 0xc5, 0, 1, 2, 3, 5]);
        let naa_6 = designator(1, 0x03, &[0x60; 16]);
        let page_of = |list: &[&Vec<u8>]| {
            let data: Vec<u8> = list.iter().flat_map(|d| d.iter().copied()).collect();
            designators(&page(0x83, &data))
        };
        let best_text = |list: &[&Vec<u8>]| best(&page_of(list)).map(Designator::text);
        assert_eq!(best_text(&[&port, &vendor, &t10, &naa_5, &naa_6]), Some("60".repeat(16)));
        assert_eq!(best_text(&[&port, &vendor, &t10, &naa_5]), Some("5000c50001020305".into()));
        assert_eq!(best_text(&[&vendor, &t10]), Some("HGST    ABC".into()));
        assert_eq!(best_text(&[&vendor]), Some("anything".into()));
        assert_eq!(best_text(&[&port]), None, "the port is not the disk");
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..700), number in prop::sample::select(vec![0x80u8, 0x83, 0x89])) {
            let mut bytes = bytes;
            if bytes.len() > 1 { bytes[1] = number; }
            let found = designators(&bytes);
            prop_assert!(found.len() <= bytes.len() / 4);
            let _ = (best(&found).map(Designator::text), ata_identity_from_designators(&found));
            let _ = (ata_identity(&bytes), unit_serial_number(&bytes));
        }
    }
}
