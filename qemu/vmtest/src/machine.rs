//! What a computer has.

use crate::accelerator::Accelerator;
use crate::disk::{Bus, Disk};
use crate::firmware::Firmware;
use crate::guest::Guest;
use crate::terminal::TerminalKind;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// What the machine starts from.
#[derive(Clone, Debug, Default)]
pub enum Boot {
    /// The first of its disks.
    #[default]
    Disk,
    /// A CD.
    Cd(PathBuf),
    /// A USB stick to which this file was copied.
    Stick(PathBuf),
    /// A kernel that QEMU itself puts into memory.
    Kernel { kernel: PathBuf, initramfs: PathBuf, command_line: String },
    /// A file that QEMU's TFTP server gives from this folder.
    Network { folder: PathBuf, file: String },
}

/// A computer, before it is switched on.
#[derive(Clone, Debug)]
pub struct Machine {
    name: String,
    memory: u32,
    firmware: Firmware,
    variables: Option<PathBuf>,
    boot: Boot,
    disks: Vec<Disk>,
    wire: Option<Wire>,
    capture: Option<PathBuf>,
    clock: Option<String>,
    terminal: TerminalKind,
    reboots: bool,
    firmware_chooses: bool,
}

impl Machine {
    /// A computer with 512 MiB of memory, a BIOS, two processors, and nothing to boot from. The name
    /// is that of its evidence folder.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            memory: 512,
            firmware: Firmware::default(),
            variables: None,
            boot: Boot::default(),
            disks: Vec::new(),
            wire: None,
            capture: None,
            clock: None,
            terminal: TerminalKind::default(),
            reboots: false,
            firmware_chooses: false,
        }
    }

    /// Memory, in MiB.
    #[must_use]
    pub fn memory(self, mebibytes: u32) -> Self {
        Self { memory: mebibytes, ..self }
    }

    #[must_use]
    pub fn firmware(self, firmware: Firmware) -> Self {
        Self { firmware, ..self }
    }

    /// Keeps the firmware's variables in this file, where a next machine finds them.
    #[must_use]
    pub fn firmware_variables(self, file: impl Into<PathBuf>) -> Self {
        Self { variables: Some(file.into()), ..self }
    }

    #[must_use]
    pub fn boot(self, boot: Boot) -> Self {
        Self { boot, ..self }
    }

    /// One more disk.
    #[must_use]
    pub fn disk(mut self, disk: Disk) -> Self {
        self.disks.push(disk);
        self
    }

    /// Gives it a network card with a cable.
    #[must_use]
    pub fn wire(self, wire: Wire) -> Self {
        Self { wire: Some(wire), ..self }
    }

    /// Writes what goes over that cable to a file, as libpcap does.
    #[must_use]
    pub fn capture(self, file: impl Into<PathBuf>) -> Self {
        Self { capture: Some(file.into()), ..self }
    }

    /// Lets its clock begin with another time: `2020-01-01T00:00:00`.
    #[must_use]
    pub fn clock(self, time: &str) -> Self {
        Self { clock: Some(time.to_owned()), ..self }
    }

    /// What stands at the end of the serial line.
    #[must_use]
    pub fn terminal(self, terminal: TerminalKind) -> Self {
        Self { terminal, ..self }
    }

    /// Lets the machine start again when the guest wants it; otherwise that ends it.
    #[must_use]
    pub fn may_reboot(self) -> Self {
        Self { reboots: true, ..self }
    }

    /// Leaves the order to the firmware, as on a real machine. Otherwise QEMU tells it what to start
    /// from, and OVMF removes the entries of all else.
    #[must_use]
    pub fn firmware_chooses(self) -> Self {
        Self { firmware_chooses: true, ..self }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn terminal_kind(&self) -> TerminalKind {
        self.terminal
    }

    /// Its firmware.
    pub fn firmware_kind(&self) -> Firmware {
        self.firmware
    }

    /// Where the firmware's variables are, given the machine's own folder.
    pub(crate) fn variables(&self, folder: &Path) -> PathBuf {
        self.variables.clone().unwrap_or_else(|| folder.join("variables.fd"))
    }

    /// Switches it on. Waits until it may: virtual machines do not run side by side on a small host.
    #[track_caller]
    pub fn start(&self) -> Guest {
        Guest::start(self)
    }

    /// QEMU's arguments. Sockets and the like are in `folder`.
    pub(crate) fn arguments(&self, accelerator: Accelerator, folder: &Path) -> Vec<String> {
        let mut arguments = Arguments::default();
        let socket = |name: &str| folder.join(name).display().to_string();
        arguments.0.extend(accelerator.arguments().map(str::to_owned));
        arguments.add("-nodefaults", None);
        arguments.add("-machine", Some(self.firmware.machine_type()));
        arguments.add("-m", Some(&format!("{}M", self.memory)));
        arguments.add("-smp", Some(&accelerator.processors().to_string()));
        arguments.add("-display", Some("none"));
        arguments.add("-vga", Some("std"));
        // Nothing of the start is lost: it waits for `cont`.
        arguments.add("-S", None);
        let qmp = format!("socket,id=qmp,path={},server=on,wait=off", socket("qmp"));
        arguments.add("-chardev", Some(&qmp));
        arguments.add("-mon", Some("chardev=qmp,mode=control"));
        let serial = format!("socket,id=serial,path={},server=on,wait=off", socket("serial"));
        arguments.add("-chardev", Some(&serial));
        arguments.add("-serial", Some("chardev:serial"));
        if !self.reboots {
            arguments.add("-no-reboot", None);
        }
        arguments.0.extend(self.firmware.arguments(&self.variables(folder)));
        arguments.device(&json!({ "driver": "qemu-xhci", "id": "usb" }));
        self.add_boot(&mut arguments);
        self.add_disks(&mut arguments);
        if let Some(time) = &self.clock {
            arguments.add("-rtc", Some(&format!("base={time}")));
        }
        if let Some(wire) = self.wire {
            arguments.add("-netdev", Some(&wire.netdev()));
            if let Some(file) = &self.capture {
                let file = file.display();
                let dump = format!("filter-dump,id=dump,netdev=wire,file={file}");
                arguments.add("-object", Some(&dump));
            }
            arguments.device(&json!({
                "driver": "virtio-net-pci", "netdev": "wire", "romfile": ""
            }));
        }
        arguments.0
    }

    fn add_boot(&self, arguments: &mut Arguments) {
        let read_only = |id: &str, file: &Path| {
            let file = file.display().to_string().replace(',', ",,");
            format!("if=none,id={id},format=raw,readonly=on,file={file}")
        };
        match &self.boot {
            Boot::Disk => {}
            Boot::Cd(iso) => {
                arguments.add("-drive", Some(&read_only("cd", iso)));
                arguments.device(
                    &json!({ "driver": "ide-cd", "bus": "ide.0", "drive": "cd", "bootindex": 0 }),
                );
            }
            Boot::Stick(iso) => {
                arguments.add("-drive", Some(&read_only("live", iso)));
                let mut stick = json!({
                    "driver": "usb-storage", "id": "live-device", "bus": "usb.0", "drive": "live",
                    "removable": true, "serial": "LIVE0"
                });
                if !self.firmware_chooses {
                    stick["bootindex"] = 0.into();
                }
                arguments.device(&stick);
            }
            Boot::Kernel { kernel, initramfs, command_line } => {
                arguments.add("-kernel", Some(&kernel.display().to_string()));
                arguments.add("-initrd", Some(&initramfs.display().to_string()));
                arguments.add("-append", Some(command_line));
            }
            Boot::Network { folder, file } => {
                let folder = folder.display().to_string().replace(',', ",,");
                let network = format!("user,id=network,tftp={folder},bootfile={file}");
                arguments.add("-netdev", Some(&network));
                let mut card = json!({
                    "driver": "virtio-net-pci", "netdev": "network", "bootindex": 0
                });
                // UEFI has a network start of its own. That of QEMU's cards, an iPXE of 2019, tells
                // shim a wrong length of GRUB.
                if self.firmware != Firmware::Bios {
                    card["romfile"] = "".into();
                }
                arguments.device(&card);
            }
        }
    }

    /// Port 0 of the AHCI controller is the CD's.
    fn add_disks(&self, arguments: &mut Arguments) {
        let boots_from_disk = matches!(self.boot, Boot::Disk) && !self.firmware_chooses;
        for (number, disk) in self.disks.iter().enumerate() {
            let name = format!("disk{number}");
            arguments.add("-drive", Some(&disk.drive_argument(&name)));
            let boot_index = boots_from_disk.then_some(number);
            for device in disk.devices(&name, number + 1, boot_index) {
                arguments.device(&device);
            }
        }
    }

    /// How many disks it can have on AHCI: the ports of the machine's own controller less the CD's.
    #[cfg(test)]
    const AHCI_DISKS: usize = 5;
}

/// Where the cable of a network card leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wire {
    /// To QEMU's own network: it gives addresses by DHCP, and the host's loopback is 10.0.2.2.
    Host,
    /// To a switch with nobody else.
    Nobody,
    /// To a test: Ethernet frames in datagrams between two ports of the host's loopback.
    Test {
        /// Where frames of the guest go to.
        to: u16,
        /// Where they come from, and where those for the guest go to.
        from: u16,
    },
}

impl Wire {
    fn netdev(self) -> String {
        match self {
            Self::Host => "user,id=wire".to_owned(),
            Self::Nobody => "hubport,id=wire,hubid=0".to_owned(),
            Self::Test { to, from } => {
                format!("socket,id=wire,udp=127.0.0.1:{to},localaddr=127.0.0.1:{from}")
            }
        }
    }
}

#[derive(Default)]
struct Arguments(Vec<String>);

impl Arguments {
    fn add(&mut self, option: &str, value: Option<&str>) {
        self.0.push(option.to_owned());
        self.0.extend(value.map(str::to_owned));
    }

    fn device(&mut self, properties: &Value) {
        self.add("-device", Some(&properties.to_string()));
    }
}

/// Machines that people have, as far as booting and disks differ.
impl Machine {
    /// An old PC: a BIOS and a SATA disk.
    pub fn old_pc(name: &str, disk: Disk) -> Self {
        Self::new(name).memory(512).disk(disk.on(Bus::Ahci))
    }

    /// A recent notebook: Secure Boot and NVMe.
    pub fn notebook(name: &str, disk: Disk) -> Self {
        Self::new(name).memory(512).firmware(Firmware::UefiSecureBoot).disk(disk.on(Bus::Nvme))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(machine: &Machine) -> String {
        machine.arguments(Accelerator::Tcg, Path::new("/f")).join(" ")
    }

    #[test]
    fn a_bios_machine_with_a_cd() {
        let machine = Machine::new("x").memory(256).boot(Boot::Cd("/a.iso".into()));
        let words = arguments(&machine);
        assert!(words.starts_with("-accel tcg -cpu max"), "{words}");
        for part in ["-m 256M", "-no-reboot", "path=/f/serial", "-machine q35 ", "\"ide-cd\""] {
            assert!(words.contains(part), "{part} in {words}");
        }
        assert!(!words.contains("pflash"), "{words}");
        assert!(!arguments(&machine.may_reboot()).contains("-no-reboot"));
    }

    #[test]
    fn secure_boot_has_variables_of_its_own() {
        let machine = Machine::notebook("x", Disk::new("/d"));
        let words = arguments(&machine);
        for part in ["q35,smm=on", "OVMF_CODE_4M.ms.fd", "file=/f/variables.fd", "secure,value=on"]
        {
            assert!(words.contains(part), "{part} in {words}");
        }
        assert!(arguments(&machine.firmware_variables("/v")).contains("format=raw,file=/v"));
    }

    #[test]
    fn disks_boot_in_their_order_unless_something_else_does() {
        let machine = Machine::old_pc("x", Disk::new("/a")).disk(Disk::new("/b"));
        let words = arguments(&machine);
        assert!(words.contains(r#""bootindex":0,"bus":"ide.1""#), "{words}");
        assert!(words.contains(r#""bootindex":1"#), "{words}");
        let machine = machine.boot(Boot::Kernel {
            kernel: "/k".into(),
            initramfs: "/i".into(),
            command_line: "console=ttyS0 quiet".to_owned(),
        });
        let list = machine.arguments(Accelerator::Kvm, Path::new("/f"));
        assert!(!list.join(" ").contains("bootindex"));
        let append = list.iter().position(|word| word == "-append").unwrap();
        assert_eq!(list[append + 1], "console=ttyS0 quiet");
    }

    #[test]
    fn the_network_boots_from_a_folder() {
        let boot = Boot::Network { folder: "/pxe".into(), file: "shim.efi".to_owned() };
        let words = arguments(&Machine::new("x").boot(boot));
        assert!(words.contains("tftp=/pxe,bootfile=shim.efi"), "{words}");
    }

    #[test]
    fn ahci_disks_have_ports_of_their_own() {
        let mut machine = Machine::new("x");
        for _ in 0..Machine::AHCI_DISKS {
            machine = machine.disk(Disk::new("/a").on(Bus::Ahci));
        }
        let words = arguments(&machine);
        for port in 1..=5 {
            assert!(words.contains(&format!("\"bus\":\"ide.{port}\"")), "{words}");
        }
    }
}
