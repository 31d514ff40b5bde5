//! Who a disk is, and the names udev gives it below `/dev/disk`.
//!
//! The live system runs no udev, and yet a job that names `/dev/disk/by-id/ata-…` must find its
//! disk: so the same names are made here from the same facts, as far as sysfs tells them. The
//! rules are those of systemd 252's `60-persistent-storage.rules` and its helpers; where the
//! helpers ask the disk itself, the VPD pages that the kernel keeps answer the same.

use super::disk::{Bus, VpdPages};
use super::sysfs::{self, Chain, file_name, link_name, text};
use super::vpd;
use std::path::Path;

/// What is known of who a disk is.
#[derive(Default, Debug)]
pub(super) struct Identity {
    pub(super) vendor: Option<String>,
    pub(super) model: Option<String>,
    pub(super) serial: Option<String>,
    pub(super) wwn: Option<String>,
    pub(super) names: Vec<String>,
}

/// The links in `/dev/disk/by-id` (or a folder like it): name and the kernel's name of the
/// device it leads to.
pub(super) fn links(folder: &Path) -> Vec<(String, String)> {
    sysfs::names(folder)
        .into_iter()
        .filter_map(|name| {
            let target = link_name(&folder.join(&name))?;
            Some((name, target))
        })
        .collect()
}

/// What udev allows in names unchanged; valid UTF-8 beyond ASCII too.
fn replace_characters(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            c if c.is_ascii_alphanumeric() || "#+-.:=@_".contains(c) || !c.is_ascii() => c,
            _ => '_',
        })
        .collect()
}

/// Runs of white space become one `_`, those at the ends vanish; then other characters go.
fn collapse(text: &str) -> String {
    replace_characters(&text.split_whitespace().collect::<Vec<_>>().join("_"))
}

fn join(parts: &[Option<&str>]) -> String {
    parts.iter().flatten().map(|part| collapse(part)).collect::<Vec<_>>().join("_")
}

/// Finds out who a disk is; `device` is its folder in sysfs.
pub(super) fn identify(name: &str, device: &Path, bus: Bus, chain: &Chain) -> Identity {
    match bus {
        Bus::Nvme | Bus::NvmeFabrics => nvme(device),
        Bus::Virtio if name.starts_with("vd") => virtio(device),
        Bus::Mmc | Bus::SdCard => mmc(chain),
        Bus::Pmem => pmem(device),
        _ => scsi(device, bus, chain),
    }
}

fn nvme(device: &Path) -> Identity {
    let attribute = |name: &str| text(&device.join(name));
    let model = attribute("device/model");
    let serial = attribute("device/serial");
    // The kernel answers here with the best of UUID, NGUID and EUI-64, else with a name made of
    // vendor id, serial number and model.
    let wwid = attribute("wwid");
    let mut names: Vec<String> =
        wwid.iter().map(|wwid| format!("nvme-{}", collapse(wwid))).collect();
    if let (Some(model), Some(serial)) = (&model, &serial) {
        // Here every single space becomes one `_`.
        let name = format!("nvme-{}", replace_characters(&format!("{model}_{serial}")));
        if let Some(namespace) = attribute("nsid") {
            names.push(format!("{name}_{namespace}"));
        }
        names.push(name);
    }
    // The made-up name has nothing beyond serial number and model.
    let wwn = wwid.filter(|wwid| !wwid.starts_with("nvme."));
    Identity { vendor: None, model, serial, wwn, names }
}

fn virtio(device: &Path) -> Identity {
    let serial = text(&device.join("serial"));
    let names = serial.iter().map(|serial| format!("virtio-{}", collapse(serial))).collect();
    Identity { serial, names, ..Identity::default() }
}

fn mmc(chain: &Chain) -> Identity {
    let Some(card) = chain.nearest("mmc") else { return Identity::default() };
    let (model, serial) = (text(&card.join("name")), text(&card.join("serial")));
    let names = match (&model, &serial) {
        (Some(model), Some(serial)) => {
            vec![format!("mmc-{}_{}", collapse(model), collapse(serial))]
        }
        _ => Vec::new(),
    };
    // The card identification register: maker, name, serial number and date in one.
    Identity { vendor: None, model, serial, wwn: text(&card.join("cid")), names }
}

fn pmem(device: &Path) -> Identity {
    let uuid = text(&device.join("uuid"));
    let names = uuid.iter().map(|uuid| format!("pmem-{uuid}")).collect();
    Identity { wwn: uuid, names, ..Identity::default() }
}

/// Everything that speaks SCSI, ATA disks behind the kernel's translation among them.
fn scsi(device: &Path, bus: Bus, chain: &Chain) -> Identity {
    let attribute = |name: &str| text(&device.join("device").join(name));
    let (vendor, model) = (attribute("vendor"), attribute("model"));
    let pages = VpdPages::read(device);
    let translated = vendor.as_deref() == Some("ATA");
    let mut identity = match pages.ata {
        // A USB enclosure answers for the disk in it; for a stick it would make things up.
        Some(ata) if translated || bus == Bus::Usb => {
            let wwn = ata.world_wide_name.map(|name| format!("0x{name:016x}"));
            let names = vec![format!("ata-{}", join(&[Some(&ata.model), ata.serial.as_deref()]))];
            Identity { vendor: None, model: Some(ata.model), serial: ata.serial, wwn, names }
        }
        _ => {
            let mut names = Vec::new();
            let mut wwn = None;
            if let Some(best) = vpd::best(&pages.designators)
                && bus != Bus::Usb
            {
                names.push(format!("scsi-{}", scsi_serial(best, &vendor, &model)));
            }
            if let Some(naa) = vpd::best(&pages.designators)
                && naa.kind == vpd::DesignatorKind::Naa
            {
                wwn = Some(format!("0x{}", naa.text()));
            }
            let own = pages.serial.clone();
            if names.is_empty()
                && bus != Bus::Usb
                && let Some(serial) = &own
            {
                let parts = [vendor.as_deref(), model.as_deref(), Some(serial)];
                names.push(format!("scsi-S{}", join(&parts)));
            }
            let vendor = vendor.clone().filter(|_| !translated);
            Identity { vendor, model: model.clone(), serial: own, wwn, names }
        }
    };
    if bus == Bus::Usb {
        usb(&mut identity, &vendor, &model, chain);
    }
    identity.names.extend(identity.wwn.iter().map(|wwn| format!("wwn-{wwn}")));
    identity
}

/// The name that `scsi_id` makes of a designator: its type as a digit, then its value; what is
/// unique to one vendor only gets vendor and model in front.
fn scsi_serial(best: &vpd::Designator, vendor: &Option<String>, model: &Option<String>) -> String {
    let value = best.text();
    let serial = match best.kind {
        vpd::DesignatorKind::Vendor => {
            let (vendor, model) = (vendor.as_deref(), model.as_deref());
            format!("0{:8}{:16}{value}", vendor.unwrap_or(""), model.unwrap_or(""))
        }
        vpd::DesignatorKind::T10 => format!("1{value}"),
        vpd::DesignatorKind::Eui64 => format!("2{value}"),
        vpd::DesignatorKind::Naa => format!("3{value}"),
    };
    collapse(&serial)
}

/// Adds the USB name, and the serial number of the USB device where the disk itself tells none.
fn usb(identity: &mut Identity, vendor: &Option<String>, model: &Option<String>, chain: &Chain) {
    let Some(device) = chain.find("usb", |folder| folder.join("idVendor").exists()) else { return };
    let attribute = |name: &str| text(&device.join(name));
    // A serial number with a comma or control characters is taken for garbage.
    let serial = sysfs::bytes(&device.join("serial"))
        .map(|bytes| bytes.trim_ascii().to_vec())
        .filter(|bytes| bytes.iter().all(|byte| (0x20..=0x7f).contains(byte) && *byte != b','))
        .and_then(|bytes| sysfs::printable(&bytes));
    let vendor = vendor.clone().or_else(|| attribute("manufacturer")).or(attribute("idVendor"));
    let model = model.clone().or_else(|| attribute("product")).or(attribute("idProduct"));
    let name = join(&[vendor.as_deref(), model.as_deref(), serial.as_deref()]);
    let address = chain.iter().find_map(|folder| {
        let parts: Vec<&str> = file_name(folder).split(':').collect();
        // host:channel:target:lun, the name of a SCSI device.
        (parts.len() == 4).then(|| format!("{}:{}", parts[2], parts[3]))
    });
    let instance = address.map_or(String::new(), |address| format!("-{address}"));
    identity.names.push(format!("usb-{name}{instance}"));
    if identity.model.is_none() {
        identity.vendor = vendor;
        identity.model = model;
    }
    // What the stick prints on the bus is what people and other tools know; the SCSI page of a
    // stick often holds nothing or the same for all.
    if identity.names.iter().all(|name| !name.starts_with("ata-")) && serial.is_some() {
        identity.serial = serial;
    }
}

/// Where a disk is plugged in, in the form of `/dev/disk/by-path`, for the buses whose paths
/// stay the same from start to start.
pub(super) fn transport_path(name: &str, device: &Path, chain: &Chain) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    if name.starts_with("nvme") {
        parts.push(format!("nvme-{}", text(&device.join("nsid"))?));
    } else if let Some(port) = chain.numbered("ata") {
        let number = text(&port.join("ata_port").join(file_name(port)).join("port_no"))?;
        let target = chain.iter().map(file_name).find_map(|name| name.strip_prefix("target"))?;
        // targetHOST:CHANNEL:ID; behind a port multiplier the channel tells the disks apart.
        let mut address = target.split(':').skip(1);
        match (address.next()?, address.next()?) {
            ("0", id) => parts.push(format!("ata-{number}.{id}")),
            (channel, _) => parts.push(format!("ata-{number}.{channel}.0")),
        }
    } else if let Some(interface) =
        chain.find("usb", |folder| folder.join("bInterfaceNumber").exists())
    {
        // BUS-PORTS:CONFIGURATION.INTERFACE; the number of the bus changes.
        let (_, ports) = file_name(interface).split_once('-')?;
        parts.push(format!("usb-0:{ports}"));
        let scsi = chain.iter().find_map(|folder| {
            let parts: Vec<&str> = file_name(folder).split(':').collect();
            (parts.len() == 4).then(|| parts[1..].join(":"))
        });
        parts.extend(scsi.map(|address| format!("scsi-0:{address}")));
    } else if !name.starts_with("vd") {
        return None;
    }
    let pci = chain.nearest("pci")?;
    parts.insert(0, format!("pci-{}", file_name(pci)));
    Some(parts.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_replaced_as_udev_does() {
        assert_eq!(collapse("  WDC  WD10EZEX-00BN5A0 "), "WDC_WD10EZEX-00BN5A0");
        assert_eq!(collapse("a/b$c%d"), "a_b_c_d");
        assert_eq!(replace_characters("SSD  970 (x)"), "SSD__970__x_");
        assert_eq!(join(&[Some("SanDisk"), None, Some("4C53 01")]), "SanDisk_4C53_01");
    }
}
