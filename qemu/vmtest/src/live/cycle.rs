//! The whole way: a real system is saved by the live system, restored to an empty disk, and boots.

use super::boot::{BuiltSystem, ENGLISH, MENU, Medium};
use super::menu::Menu;
use super::real_system::{LOGIN, RealSystem, SYSTEM_BOOT};
use super::sample::{StickKind, assert_equal, empty_disk, stick, work_folder};
use super::texts::Texts;
use crate::{Bus, Disk, Firmware, Machine};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long an unattended save or restore of a real system may take.
const JOB: Duration = Duration::from_secs(2400);
/// Size of the stick for its image, in MiB.
const STICK: u64 = 1024;

/// Who drives the live system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A person at its menu.
    Menu,
    /// The kernel's command line.
    Unattended,
}

impl Way {
    pub const ALL: [Self; 2] = [Self::Menu, Self::Unattended];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Menu => "menu",
            Self::Unattended => "unattended",
        }
    }
}

/// One way to save and restore a real system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub system: RealSystem,
    pub medium: Medium,
    pub way: Way,
}

impl Row {
    /// All of them.
    pub fn all() -> Vec<Self> {
        let mut rows = Vec::new();
        for medium in Medium::ALL {
            for way in Way::ALL {
                rows.extend(RealSystem::ALL.map(|system| Self { system, medium, way }));
            }
        }
        rows
    }

    /// Its name, also that of its evidence folders.
    pub fn name(self) -> String {
        let (system, medium, way) = (self.system.name(), self.medium.name(), self.way.name());
        format!("{system}-{}-{way}", medium.to_lowercase())
    }

    /// Goes the whole way.
    ///
    /// # Panics
    /// When something on the way is not as it must be.
    pub fn run(self, built: &BuiltSystem) {
        let work = work_folder(&self.name());
        let source = self.system.file();
        let bytes = std::fs::metadata(&source).unwrap().len();
        let all = Disks {
            stick: stick(work.path(), StickKind::Ext4, STICK),
            target: empty_disk(&work.path().join("target.img"), bytes >> 20),
        };
        match self.way {
            Way::Menu => self.by_menu(built, work.path(), &all),
            Way::Unattended => self.unattended(built, work.path(), &all),
        }
        StickKind::Ext4.check(&all.stick);
        assert_equal(&source, &all.target);
        let mut guest = self.machine("boots", Disk::new(&all.target).on(self.target_bus())).start();
        guest.wait_for(LOGIN, SYSTEM_BOOT);
    }

    /// The restored disk is attached in another way than the one it comes from.
    fn target_bus(self) -> Bus {
        match self.system.bus() {
            Bus::Ahci => Bus::Virtio,
            _ => Bus::Ahci,
        }
    }

    fn firmware(self) -> Firmware {
        self.system.firmware()
    }

    fn machine(self, part: &str, disk: Disk) -> Machine {
        let name = format!("{}-{part}", self.name());
        Machine::new(&name).memory(512).firmware(self.firmware()).disk(disk)
    }

    fn by_menu(self, built: &BuiltSystem, work: &Path, disks: &Disks) {
        let texts = Texts::english();
        let boot = built.boot_with(self.medium, self.firmware(), work, ENGLISH);
        let mut guest = self
            .machine("saves", self.system.disk())
            .disk(disks.stick())
            .disk(disks.target(self.target_bus()))
            .boot(boot)
            .start();
        guest.wait_for(texts.get("menu-welcome"), MENU);
        let mut menu = Menu { guest: &mut guest, texts: &texts };
        menu.save("SOURCE", StickKind::Ext4.label(), "real-system");
        menu.restore(StickKind::Ext4.label(), "real-system", "TARGET");
        menu.power_off();
    }

    fn unattended(self, built: &BuiltSystem, work: &Path, disks: &Disks) {
        let label = StickKind::Ext4.label();
        let save = format!(
            "{ENGLISH} calco.run=\"save serial:SOURCE --to usb:{label} --name real-system\" \
             calco.then=poweroff"
        );
        let boot = built.boot_with(self.medium, self.firmware(), work, &save);
        let machine = self.machine("saves", self.system.disk()).disk(disks.stick());
        let mut guest = machine.boot(boot).start();
        let texts = Texts::english();
        guest.wait_for_output(texts.get("init-run-succeeded"), MENU + JOB);
        assert_eq!(guest.wait_for_end(MENU), "guest-shutdown");
        drop(guest);

        // After a restore the machine switches itself off without being told.
        let restore =
            format!("{ENGLISH} calco.run=\"restore usb:{label}/real-system --to serial:TARGET\"");
        let boot = built.boot_with(self.medium, self.firmware(), work, &restore);
        let machine = self.machine("restores", disks.target(self.target_bus()));
        let mut guest = machine.disk(disks.stick()).boot(boot).start();
        guest.wait_for_output(texts.get("init-run-succeeded"), MENU + JOB);
        assert_eq!(guest.wait_for_end(MENU), "guest-shutdown");
    }
}

/// The disks beside the system's own.
struct Disks {
    stick: PathBuf,
    target: PathBuf,
}

impl Disks {
    fn stick(&self) -> Disk {
        Disk::new(&self.stick).on(Bus::Usb).serial_number("STICK")
    }

    fn target(&self, bus: Bus) -> Disk {
        Disk::new(&self.target).on(bus).serial_number("TARGET")
    }
}
