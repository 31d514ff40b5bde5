//! What the other tests take for granted: as they are made, the real systems boot to their login
//! prompt. Otherwise a restored one that does not would prove nothing.

use calco_vmtest::Machine;
use calco_vmtest::live::{LOGIN, RealSystem, SYSTEM_BOOT};

fn boots(system: RealSystem) {
    let name = format!("premise-{}", system.name());
    let machine = Machine::new(&name).firmware(system.firmware()).disk(system.disk());
    let mut guest = machine.start();
    guest.wait_for(LOGIN, SYSTEM_BOOT);
    eprintln!("{name}: login prompt after {} s", guest.age().as_secs());
}

#[test]
fn debian_on_mbr_boots_by_bios() {
    boots(RealSystem::BiosMbr);
}

#[test]
fn debian_on_gpt_boots_by_bios() {
    boots(RealSystem::BiosGpt);
}

#[test]
fn debian_boots_by_uefi() {
    boots(RealSystem::Uefi);
}

#[test]
fn debian_boots_by_secure_boot() {
    boots(RealSystem::SecureBoot);
}
