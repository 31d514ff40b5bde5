//! The whole way: a real system is saved by the live system, restored to an empty disk, and boots.

use super::boot::{BuiltSystem, ENGLISH, MENU, Medium};
use super::menu::Menu;
use super::real_system::{LOGIN, RealSystem, SYSTEM_BOOT};
use super::sample::{StickKind, assert_equal, empty_disk, stick, work_folder};
use super::texts::Texts;
use crate::servers::{Nfs, Smb};
use crate::{Bus, Disk, Firmware, Machine, Wire};
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

/// Where the image is kept meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A USB stick with ext4.
    Stick,
    /// An NFS server.
    Nfs,
    /// A share of an SMB server that lets everybody in.
    Smb,
}

impl Destination {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stick => "stick",
            Self::Nfs => "NFS",
            Self::Smb => "SMB",
        }
    }
}

/// One way to save and restore a real system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub system: RealSystem,
    pub medium: Medium,
    pub way: Way,
    pub destination: Destination,
}

impl Row {
    /// All of them.
    pub fn all() -> Vec<Self> {
        let mut rows = Vec::new();
        for medium in Medium::ALL {
            for way in Way::ALL {
                rows.extend(RealSystem::ALL.map(|system| {
                    let destination = Destination::Stick;
                    Self { system, medium, way, destination }
                }));
            }
        }
        for destination in [Destination::Nfs, Destination::Smb] {
            rows.extend(Way::ALL.map(|way| {
                let (system, medium) = (RealSystem::Uefi, Medium::Cd);
                Self { system, medium, way, destination }
            }));
        }
        rows
    }

    /// Its name, also that of its evidence folders.
    pub fn name(self) -> String {
        let (system, medium, way) = (self.system.name(), self.medium.name(), self.way.name());
        let to = match self.destination {
            Destination::Stick => String::new(),
            server => format!("-{}", server.name().to_lowercase()),
        };
        format!("{system}-{}-{way}{to}", medium.to_lowercase())
    }

    /// Goes the whole way.
    ///
    /// # Panics
    /// When something on the way is not as it must be.
    pub fn run(self, built: &BuiltSystem) {
        let work = work_folder(&self.name());
        let source = self.system.file();
        let bytes = std::fs::metadata(&source).unwrap().len();
        let target = empty_disk(&work.path().join("target.img"), bytes >> 20);
        let keeper = Keeper::start(self.destination, work.path());
        match self.way {
            Way::Menu => self.by_menu(built, work.path(), &keeper, &target),
            Way::Unattended => self.unattended(built, work.path(), &keeper, &target),
        }
        if let Keeper::Stick(stick) = &keeper {
            StickKind::Ext4.check(stick);
        }
        assert_equal(&source, &target);
        let mut guest = self.machine("boots", Disk::new(&target).on(self.target_bus())).start();
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

    /// The target, empty or restored.
    fn target(self, file: &Path) -> Disk {
        Disk::new(file).on(self.target_bus()).serial_number("TARGET")
    }

    /// The machine with what it needs to reach the images.
    fn with(self, machine: Machine, keeper: &Keeper) -> Machine {
        match keeper {
            Keeper::Stick(stick) => {
                machine.disk(Disk::new(stick).on(Bus::Usb).serial_number("STICK"))
            }
            // What boots from the network has a card already.
            _ if self.medium == Medium::Network => machine,
            _ => machine.wire(Wire::Host),
        }
    }

    fn by_menu(self, built: &BuiltSystem, work: &Path, keeper: &Keeper, target: &Path) {
        let texts = Texts::english();
        let boot = built.boot_with(self.medium, self.firmware(), work, ENGLISH);
        let machine = self.machine("saves", self.system.disk()).disk(self.target(target));
        let mut guest = self.with(machine, keeper).boot(boot).start();
        guest.wait_for(texts.get("menu-welcome"), MENU);
        let mut menu = Menu { guest: &mut guest, texts: &texts };
        match keeper.address() {
            None => {
                menu.save("SOURCE", StickKind::Ext4.label(), "real-system");
                menu.restore(StickKind::Ext4.label(), "real-system", "TARGET");
            }
            Some(address) => {
                menu.save_to_server("SOURCE", &address, "real-system");
                menu.restore_from_server(&address, "real-system", "TARGET");
            }
        }
        menu.power_off();
    }

    fn unattended(self, built: &BuiltSystem, work: &Path, keeper: &Keeper, target: &Path) {
        let place = keeper.address().unwrap_or_else(|| format!("usb:{}", StickKind::Ext4.label()));
        let save = format!(
            "{ENGLISH} calco.run=\"save serial:SOURCE --to {place} --name real-system\" \
             calco.then=poweroff"
        );
        let boot = built.boot_with(self.medium, self.firmware(), work, &save);
        let machine = self.with(self.machine("saves", self.system.disk()), keeper);
        let mut guest = machine.boot(boot).start();
        let texts = Texts::english();
        guest.wait_for_output(texts.get("init-run-succeeded"), MENU + JOB);
        assert_eq!(guest.wait_for_end(MENU), "guest-shutdown");
        drop(guest);

        // After a restore the machine switches itself off without being told.
        let restore =
            format!("{ENGLISH} calco.run=\"restore {place}/real-system --to serial:TARGET\"");
        let boot = built.boot_with(self.medium, self.firmware(), work, &restore);
        let machine = self.with(self.machine("restores", self.target(target)), keeper);
        let mut guest = machine.boot(boot).start();
        guest.wait_for_output(texts.get("init-run-succeeded"), MENU + JOB);
        assert_eq!(guest.wait_for_end(MENU), "guest-shutdown");
    }
}

/// What keeps the images, as long as it is there.
enum Keeper {
    /// A stick, by its file.
    Stick(PathBuf),
    Nfs(Nfs),
    Smb(Smb),
}

impl Keeper {
    fn start(destination: Destination, work: &Path) -> Self {
        match destination {
            Destination::Stick => Self::Stick(stick(work, StickKind::Ext4, STICK)),
            Destination::Nfs => Self::Nfs(Nfs::start(work)),
            Destination::Smb => Self::Smb(Smb::start(work)),
        }
    }

    /// The address for guests, where it is on a server.
    fn address(&self) -> Option<String> {
        match self {
            Self::Stick(_) => None,
            Self::Nfs(server) => Some(format!("nfs://10.0.2.2:{}/images", server.port)),
            Self::Smb(server) => Some(format!("smb://10.0.2.2:{}/open", server.port)),
        }
    }
}
