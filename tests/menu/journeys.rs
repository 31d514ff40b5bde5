use super::support::command::text;
use super::support::disk::{assert_same, garbage, sfdisk, write};
use super::support::{MIB, disk::Noise};
use super::terminal::{CTRL_C, DOWN, END, ENTER, ESCAPE, Menu, UP};
use std::path::{Path, PathBuf};

const SIZE: u64 = 32 * MIB;

/// A small disk with two partitions that nobody can read, and a target full of garbage.
struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        let files = Self { folder: tempfile::tempdir().unwrap() };
        let source = files.path("source.img");
        super::support::disk::blank(&source, SIZE);
        sfdisk(&source, "label: gpt\n,8M\n,8M\n");
        write(&source, 2 * MIB, &Noise::new(7).bytes(3 * MIB as usize));
        garbage(&files.path("target.img"), SIZE, 9);
        std::fs::create_dir(files.path("images")).unwrap();
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Chooses the last entry of a list, where a path can be typed, and types it.
fn type_path(menu: &mut Menu, path: &Path, prompt: &str) {
    menu.send(END);
    menu.send(ENTER);
    menu.expect(prompt);
    menu.line(text(path));
}

#[test]
fn a_disk_is_saved_and_restored_through_the_menu() {
    let files = Files::new();
    let mut menu = Menu::start("vt102", "en");
    menu.expect("Quit");
    menu.line("8");
    menu.expect("Expert mode: on");

    menu.line("1");
    menu.expect("Save: which disk?");
    type_path(&mut menu, &files.path("source.img"), "Path of a device");
    menu.expect("Save: where to?");
    menu.line(text(&files.path("images")));
    menu.expect("Save: name of the image");
    menu.line("-office");
    menu.expect("Save: who can get at the image?");
    // Arrows as a line of 9600 baud delivers them: down, and back up.
    menu.send_slowly(DOWN);
    menu.expect("> 2 Yes, that may happen");
    menu.send_slowly(UP);
    menu.expect("> 1 No, it stays in safe hands");
    menu.send(ENTER);
    menu.expect("Compression: auto");
    menu.send(ENTER);
    let plan = menu.expect("Start saving now");
    assert!(plan.contains("source.img"), "{plan}");
    menu.send(ENTER);
    let summary = menu.expect("The disk is saved");
    assert!(summary.contains("calco save "), "{summary}");
    menu.send(ENTER);
    menu.expect("Quit");

    menu.line("2");
    menu.expect("Restore: where is the image?");
    menu.line(text(&files.path("images")));
    menu.expect("Restore: which image?");
    menu.send(ENTER);
    menu.expect("Check the image before anything is written: yes");
    menu.send(ENTER);
    menu.expect("Restore: to which disk?");
    type_path(&mut menu, &files.path("target.img"), "Path of a device");
    let plan = menu.expect("Restore: this will happen");
    assert!(plan.contains("EVERYTHING ON IT WILL BE LOST"), "{plan}");
    // Enter alone goes back.
    assert!(plan.contains("> 1 Go back"), "{plan}");
    menu.send(DOWN);
    menu.expect("> 2 Go on to the last question");
    menu.send(ENTER);
    menu.expect("Restore: the last question");
    menu.line("yes");
    menu.expect("Nothing was changed so far");
    menu.send(&[0x7f; 3]);
    menu.line("target.img");
    let summary = menu.expect("The image is restored");
    assert!(summary.contains("calco restore "), "{summary}");
    menu.send(ENTER);
    menu.expect("Quit");
    menu.line("9");
    assert_eq!(menu.end(), 0);
    assert_same("the disk", &files.path("source.img"), &files.path("target.img"), 2 * MIB, 8 * MIB);
}
