//! Several users of one volume at once, and what killed ones leave.

use crate::support::command::{text, tool};
use crate::support::loops::Mount;
use crate::volume::{Kind, Volume, assert_given_back, mount_points};
use calco::error::ErrorKind;
use calco::hardware::Inventory;
use calco::operation::destination::{self, DestinationAccess, candidates};
use calco::report::Silent;
use std::fs;
use std::path::Path;

use DestinationAccess::{Look, Write};

#[test]
fn one_mount_serves_all_who_agree() {
    let Some(volume) = Volume::make(Kind::Ext4, "Share") else { return };
    let device = volume.attach();
    let word = format!("disk:{}", volume.label);
    let first = destination::open(&word, Look).unwrap();
    let second = destination::open(&word, Look).unwrap();
    assert_eq!(first.folder(), second.folder());
    assert_eq!(mount_points(device.text()).len(), 1);
    // Nobody writes while somebody relies on that nothing changes.
    let error = destination::open(&word, Write).err().unwrap();
    assert_eq!((error.kind(), error.message().id()), (ErrorKind::Refused, "destination-in-use"));
    drop(first);
    assert_eq!(mount_points(device.text()).len(), 1, "the second still needs it");
    drop(second);
    assert_given_back(&device);

    let writer = destination::open(&word, Write).unwrap();
    let reader = destination::open(&word, Look).unwrap();
    assert_eq!(writer.folder(), reader.folder());
    fs::write(writer.folder().join("file"), "x").unwrap();
    writer.close(&Silent).unwrap();
    assert_eq!(fs::read(reader.folder().join("file")).unwrap(), b"x");
    drop(reader);
    assert_given_back(&device);
}

#[test]
fn a_volume_that_is_mounted_already_is_used_where_it_is() {
    let Some(volume) = Volume::make(Kind::Ext4, "There") else { return };
    let device = volume.attach();
    let word = format!("disk:{}", volume.label);
    let folder = volume.folder.path().join("mnt point");
    {
        let mount = Mount::new(device.text(), &folder, "rw");
        for access in [Look, Write] {
            let destination = destination::open(&word, access).unwrap();
            assert_eq!(destination.folder(), mount.path());
            assert_eq!(destination.location(), word);
            destination.close(&Silent).unwrap();
            assert_eq!(mount_points(device.text()).len(), 1, "it was not ours to unmount");
        }
        tool("mount", &["-o", "remount,ro", text(&folder)]);
        drop(destination::open(&word, Look).unwrap());
        let error = destination::open(&word, Write).err().unwrap();
        assert_eq!(error.message().id(), "destination-mounted-read-only");
        assert_eq!(error.kind(), ErrorKind::Refused);
    }
    assert_given_back(&device);
}

#[test]
fn a_part_of_a_volume_is_not_taken_for_it() {
    let Some(volume) = Volume::make(Kind::Ext4, "Part") else { return };
    let device = volume.attach();
    let (whole, part) = (volume.folder.path().join("whole"), volume.folder.path().join("part"));
    {
        let mount = Mount::new(device.text(), &whole, "rw");
        fs::create_dir(mount.path().join("sub")).unwrap();
        fs::create_dir(&part).unwrap();
        tool("mount", &["--bind", text(&mount.path().join("sub")), text(&part)]);
    }
    let error = destination::open(&format!("disk:{}", volume.label), Look).err().unwrap();
    assert_eq!(error.message().id(), "destination-mounted-in-part");
    tool("umount", &[text(&part)]);
    assert_given_back(&device);
}

#[test]
fn a_link_does_not_lead_away_from_the_volume() {
    let Some(volume) = Volume::make(Kind::Ext4, "Link") else { return };
    let device = volume.attach();
    {
        let mount = Mount::new(device.text(), &volume.folder.path().join("mnt"), "rw");
        std::os::unix::fs::symlink("/tmp", mount.path().join("away")).unwrap();
        fs::create_dir(mount.path().join("real")).unwrap();
        std::os::unix::fs::symlink("real", mount.path().join("inside")).unwrap();
    }
    let at = |folder: &str| destination::open(&format!("disk:{}/{folder}", volume.label), Look);
    assert_eq!(at("away").err().unwrap().message().id(), "destination-leads-outside");
    assert_eq!(at("missing").err().unwrap().kind(), ErrorKind::NotFound);
    drop(at("inside").unwrap());
    assert_given_back(&device);
}

#[test]
fn candidates_are_found_without_a_mount() {
    let Some(volume) = Volume::make(Kind::Btrfs, "Cand") else { return };
    let device = volume.attach();
    let found = candidates(&Inventory::read(Path::new("/")));
    let own: Vec<_> = found.iter().filter(|c| c.volume.path == device.path()).collect();
    let [candidate] = own.as_slice() else { panic!("{found:?}") };
    assert_eq!(candidate.word, format!("disk:{}", volume.label));
    assert_eq!(candidate.why_not(Write), None);
    assert_eq!(candidate.volume.label.as_deref(), Some(volume.label.as_str()));
    assert!(candidate.volume.uuid.is_some() && !candidate.volume.external);
    assert_given_back(&device);
}
