//! A real system saved, restored and booted. All the ways to do so are in the matrix of
//! `src/bin/matrix.rs`; these are the ones that every change has to go.

use calco_vmtest::live::{BuiltSystem, Medium, RealSystem, Row, Way};

fn goes(row: Row) {
    if let Some(built) = BuiltSystem::find(&row.name()) {
        row.run(&built);
    }
}

#[test]
fn a_bios_system_on_mbr_by_the_menu_from_cd() {
    goes(Row { system: RealSystem::BiosMbr, medium: Medium::Cd, way: Way::Menu });
}

#[test]
fn a_secure_boot_system_by_the_menu_from_a_stick() {
    goes(Row { system: RealSystem::SecureBoot, medium: Medium::Stick, way: Way::Menu });
}
