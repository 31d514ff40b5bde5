//! Looking never writes: not a byte of the device changes.

use crate::support::command::{text, tool};
use crate::support::disk;
use crate::support::loops::Loop;
use crate::volume::{Kind, Volume, assert_given_back, mount_points};
use calco::operation::destination::{self, DestinationAccess};
use std::fs;

/// Whether what lies on a volume waits to be replayed, by the tools of its file system.
fn waits_for_replay(kind: Kind, device: &Loop) -> bool {
    match kind {
        Kind::Ext4 => tool("dumpe2fs", &["-h", device.text()]).contains("needs_recovery"),
        Kind::Xfs => {
            let log = tool("xfs_logprint", &["-t", device.text()]);
            log.contains("<DIRTY>")
        }
        Kind::Btrfs => {
            let dump = tool("btrfs", &["inspect-internal", "dump-super", device.text()]);
            let root = dump.lines().find_map(|line| line.strip_prefix("log_root\t")).unwrap();
            root.trim() != "0"
        }
    }
}

fn look_at(kind: Kind) {
    let Some(mut volume) = Volume::make(kind, &format!("L{kind:?}")) else { return };
    volume.cut_off();
    let before = volume.folder.path().join("before.img");
    tool("cp", &["--sparse=always", text(&volume.file), text(&before)]);
    let device = volume.attach();
    let waits = waits_for_replay(kind, &device);
    // Whether a file that was synced went to a log tree is btrfs's own decision.
    if kind == Kind::Btrfs && !waits {
        println!("SKIPPED: btrfs was left without a log tree to replay");
        return;
    }
    assert!(waits, "{kind:?}: nothing to replay, so nothing is shown");
    let word = format!("disk:{}", volume.label);
    let destination = destination::open(&word, DestinationAccess::Look).unwrap();
    assert_eq!(destination.location(), word);
    // Whether an XFS log holds something is not found out before it is mounted.
    let told = destination.warnings().iter().any(|warning| warning.id() == "destination-journal");
    assert_eq!(told, kind != Kind::Xfs, "{kind:?}");
    let names = destination.store().directories().unwrap();
    assert!(names.contains(&"images".to_owned()), "{names:?}");
    assert_eq!(fs::read(destination.folder().join("images/old")).unwrap(), vec![b'o'; 100_000]);
    assert_eq!(mount_points(device.text()).len(), 1);
    assert_eq!(tool("blockdev", &["--getro", device.text()]).trim(), "1");
    assert!(fs::write(destination.folder().join("x"), "x").is_err());
    drop(destination);
    assert_given_back(&device);
    tool("sync", &[device.text()]);
    assert!(waits_for_replay(kind, &device));
    let length = fs::metadata(&before).unwrap().len();
    disk::assert_same("the volume after a look", &before, &volume.file, 0, length);
}

#[test]
fn an_ext4_journal_is_not_replayed_by_a_look() {
    look_at(Kind::Ext4);
}

#[test]
fn an_xfs_log_is_not_replayed_by_a_look() {
    look_at(Kind::Xfs);
}

#[test]
fn a_btrfs_log_tree_is_not_replayed_by_a_look() {
    look_at(Kind::Btrfs);
}

#[test]
fn a_volume_to_write_heals_itself() {
    for kind in Kind::ALL {
        let Some(mut volume) = Volume::make(kind, "Heal") else { return };
        volume.cut_off();
        let device = volume.attach();
        let word = format!("disk:{}/images", volume.label);
        let destination = destination::open(&word, DestinationAccess::Write).unwrap();
        let new = destination.folder().join("new");
        assert_eq!(fs::read(new).unwrap(), vec![b'n'; 200_000], "{kind:?}");
        destination.close(&calco::report::Silent).unwrap();
        assert_given_back(&device);
        assert!(!waits_for_replay(kind, &device), "{kind:?}");
    }
}
