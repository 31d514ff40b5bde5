//! The premise of the tests that save and restore real systems: as they are made, each of them
//! boots to its login prompt. Otherwise a restored one that does not boot would prove nothing.

mod support;

use calco_vmtest::{Bus, Firmware, Machine};
use support::{RealSystem, SYSTEM_BOOT};

fn boots(name: &str, firmware: Firmware, system: RealSystem, bus: Bus) {
    let mut guest = Machine::new(name).firmware(firmware).disk(system.disk(bus)).start();
    guest.wait_for("calco-fixture login:", SYSTEM_BOOT);
    eprintln!("{name}: login prompt after {} s", guest.age().as_secs());
}

#[test]
fn debian_on_mbr_boots_by_bios() {
    boots("premise-bios-mbr", Firmware::Bios, RealSystem::BiosMbr, Bus::Ahci);
}

#[test]
fn debian_on_gpt_boots_by_bios() {
    boots("premise-bios-gpt", Firmware::Bios, RealSystem::BiosGpt, Bus::Virtio);
}

#[test]
fn debian_boots_by_uefi() {
    boots("premise-uefi", Firmware::Uefi, RealSystem::Uefi, Bus::Virtio);
}

#[test]
fn debian_boots_by_secure_boot() {
    let firmware = Firmware::UefiSecureBoot;
    boots("premise-secure-boot", firmware, RealSystem::SecureBoot, Bus::Nvme);
}
