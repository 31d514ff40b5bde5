//! Scripts that the live system's shell runs, and the program on the host between them.

use crate::{enter_shell, shell_command};
use calco_vmtest::live::{Menu, Texts};
use calco_vmtest::{Guest, Key};
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Bytes that compress as what people have does, at most 10 MiB.
pub(crate) fn pattern() -> Vec<u8> {
    let mut program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    program.truncate(10 << 20);
    program
}

/// Begins a script of the stick in a shell of the live system, where the stick is below `/t`.
#[track_caller]
pub(crate) fn begin_script(guest: &mut Guest, words: &str) {
    let texts = Texts::english();
    enter_shell(&mut Menu { guest, texts: &texts });
    shell_command(
        guest,
        "mkdir -p /t /m; until mount -r -t ext4 /dev/sda1 /t; do sleep 1; done; echo there-$((40 + 2))",
        "there-42",
    );
    guest.type_text(&format!("sh /t/{words}; echo status-$? is-$((40 + 2))"));
    guest.press(Key::Enter);
}

/// Runs a script of the stick in a shell of the live system.
#[track_caller]
pub(crate) fn run_script(guest: &mut Guest, words: &str, within: Duration) {
    begin_script(guest, words);
    guest.wait_for_output("is-42", within);
    let output = guest.output();
    assert!(output.contains("status-0"), "{output}");
}

/// What the program says.
#[track_caller]
pub(crate) fn calco(program: &Path, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Each volume of the only disk of an image.
#[track_caller]
pub(crate) fn volumes(program: &Path, image: &str) -> Vec<serde_json::Value> {
    let shown = calco(program, &["show", image, "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    shown["manifest"]["disks"][0]["volumes"].as_array().unwrap().clone()
}

/// A file as long as another one, full of garbage.
pub(crate) fn garbage_like(other: &Path, file: &Path) {
    let garbage: Vec<u8> = b"garbage\xA5".iter().copied().cycle().take(1 << 20).collect();
    let mut target = File::create(file).unwrap();
    for _ in 0..std::fs::metadata(other).unwrap().len() >> 20 {
        target.write_all(&garbage).unwrap();
    }
}
