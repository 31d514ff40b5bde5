//! A real system saved, restored and booted. All the ways to do so are in the matrix of
//! `src/bin/matrix.rs`; these are the ones that every change has to go.

use calco_vmtest::live::{BuiltSystem, Destination, Medium, RealSystem, Row, Way};
use calco_vmtest::servers::{nfs, smb};

fn goes(row: Row) {
    if let Some(built) = BuiltSystem::find(&row.name()) {
        row.run(&built);
    }
}

#[test]
fn a_secure_boot_system_by_the_menu_from_a_stick() {
    goes(Row {
        system: RealSystem::SecureBoot,
        medium: Medium::Stick,
        way: Way::Menu,
        destination: Destination::Stick,
    });
}

#[test]
fn a_bios_system_on_mbr_by_the_menu_from_cd_to_an_nfs_server() {
    if nfs::can_serve() {
        goes(Row {
            system: RealSystem::BiosMbr,
            medium: Medium::Cd,
            way: Way::Menu,
            destination: Destination::Nfs,
        });
    }
}

#[test]
fn a_bios_system_on_mbr_unattended_from_the_network_to_an_smb_server() {
    if smb::can_serve() {
        goes(Row {
            system: RealSystem::BiosMbr,
            medium: Medium::Network,
            way: Way::Unattended,
            destination: Destination::Smb,
        });
    }
}
