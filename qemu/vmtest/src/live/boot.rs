//! What the live system is booted from.

use super::sample::run;
use crate::{Boot, Firmware, project_folder};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Words that make the live system ask neither for the language nor for the keyboard.
pub const ENGLISH: &str = "calco.lang=en calco.keymap=us";

/// How long the live system may take from power on to its menu. It takes ten seconds where nothing
/// else runs.
pub const MENU: Duration = Duration::from_secs(300);

/// What a computer boots the live system from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    Cd,
    Stick,
    Network,
}

impl Medium {
    pub const ALL: [Self; 3] = [Self::Cd, Self::Stick, Self::Network];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cd => "CD",
            Self::Stick => "USB",
            Self::Network => "PXE",
        }
    }
}

/// The live system as `./build.sh` made it.
#[derive(Clone, Debug)]
pub struct BuiltSystem {
    folder: PathBuf,
}

impl BuiltSystem {
    /// What is in `out/`, or in the folder that `CALCO_OUT` names. None when nothing was built; then
    /// the reason is printed, except where `CALCO_REQUIRE_LIVE` says that it must be there.
    pub fn find(test: &str) -> Option<Self> {
        let folder = match std::env::var_os("CALCO_OUT") {
            Some(folder) => folder.into(),
            None => project_folder().join("out"),
        };
        let missing = [folder.join("calco.iso"), folder.join("pxe")]
            .into_iter()
            .find(|path| !path.exists())
            .map(|path| format!("{} is not there: run ./build.sh", path.display()));
        let qemu = Command::new("qemu-system-x86_64").arg("--version").output();
        let missing = missing.or_else(|| qemu.err().map(|error| format!("QEMU: {error}")));
        match missing {
            None => Some(Self { folder }),
            Some(why) if std::env::var_os("CALCO_REQUIRE_LIVE").is_some() => panic!("{why}"),
            Some(why) => {
                eprintln!("SKIPPED: {test}: {why}");
                None
            }
        }
    }

    /// The program, for this machine.
    pub fn program(&self) -> PathBuf {
        self.folder.join("calco")
    }

    /// The ISO.
    pub fn iso(&self) -> PathBuf {
        self.folder.join("calco.iso")
    }

    /// What a network boots from.
    pub fn network_folder(&self) -> PathBuf {
        self.folder.join("pxe")
    }

    /// Boots from a medium, as it is.
    pub fn boot(&self, medium: Medium, firmware: Firmware, work: &Path) -> Boot {
        match medium {
            Medium::Cd => Boot::Cd(self.iso()),
            Medium::Stick => Boot::Stick(self.iso()),
            Medium::Network => self.network(firmware, work, ""),
        }
    }

    /// Boots from a medium with more words on the kernel's command line, without being asked
    /// anything. `words` are those of one line; those that hold spaces stand in double quotes.
    pub fn boot_with(&self, medium: Medium, firmware: Firmware, work: &Path, words: &str) -> Boot {
        match medium {
            Medium::Cd => Boot::Cd(self.changed_iso(work, words)),
            Medium::Stick => Boot::Stick(self.changed_iso(work, words)),
            Medium::Network => self.network(firmware, work, words),
        }
    }

    /// Boots kernel and initramfs that QEMU puts into memory, the fastest way there is.
    pub fn boot_kernel(&self, words: &str) -> Boot {
        Boot::Kernel {
            kernel: self.network_folder().join("vmlinuz"),
            initramfs: self.network_folder().join("initramfs"),
            command_line: format!("{CONSOLES} {words}"),
        }
    }

    /// A copy of the ISO whose GRUB starts at once with these words. All that boots it stays as it is.
    fn changed_iso(&self, work: &Path, words: &str) -> PathBuf {
        let (config, iso) = (work.join("grub.cfg"), work.join("changed.iso"));
        std::fs::write(&config, grub_config("/calco", words)).unwrap();
        let _ = std::fs::remove_file(&iso);
        let mut command = Command::new("xorriso");
        command.arg("-indev").arg(self.iso()).arg("-outdev").arg(&iso);
        command.args(["-boot_image", "any", "replay", "-map"]).arg(&config);
        run(command.arg("/boot/grub/grub.cfg"));
        iso
    }

    /// A copy of the network's folder, whose configurations start at once with these words.
    fn network(&self, firmware: Firmware, work: &Path, words: &str) -> Boot {
        let folder = work.join("pxe");
        let _ = std::fs::remove_dir_all(&folder);
        run(Command::new("cp").arg("-a").arg(self.network_folder()).arg(&folder));
        let file = match firmware {
            Firmware::Bios => {
                let script = format!(
                    "#!ipxe\nkernel vmlinuz initrd=initramfs {CONSOLES} {words}\n\
                     initrd initramfs\nboot\n"
                );
                std::fs::write(folder.join("test.ipxe"), script).unwrap();
                "test.ipxe"
            }
            Firmware::Uefi | Firmware::UefiSecureBoot => {
                std::fs::create_dir_all(folder.join("grub")).unwrap();
                std::fs::write(folder.join("grub/grub.cfg"), grub_config("", words)).unwrap();
                "bootx64.efi"
            }
        };
        Boot::Network { folder, file: file.to_owned() }
    }
}

/// The consoles in the order that makes the serial one the first.
const CONSOLES: &str = "console=tty0 console=ttyS0,115200 quiet loglevel=3";

fn grub_config(folder: &str, words: &str) -> String {
    // Double quotes around a part of a word become the kernel's only when they hold all of it.
    let words: Vec<String> = split_words(words).iter().map(|word| format!("'{word}'")).collect();
    format!(
        "linux {folder}/vmlinuz {CONSOLES} {}\ninitrd {folder}/initramfs\nboot\n",
        words.join(" ")
    )
}

/// The words of a line; double quotes keep spaces together, and are taken away.
fn split_words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().expect("never empty").push(other),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_words_are_one_argument_of_grub() {
        let config = grub_config("/calco", r#"calco.run="save serial:A --to usb:B" calco.lang=en"#);
        assert!(
            config
                .contains("quiet loglevel=3 'calco.run=save serial:A --to usb:B' 'calco.lang=en'"),
            "{config}"
        );
    }
}
