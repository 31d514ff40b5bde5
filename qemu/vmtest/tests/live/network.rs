//! The network of the live system, and servers that are reached through it.

use crate::sshd::{self, Sshd};
use crate::{SOON, at_the_menu, enter_shell, shell_command};
use calco_vmtest::live::{
    BuiltSystem, ENGLISH, MENU, Menu, SMALL_SERIAL, Texts, small_disk, work_folder,
};
use calco_vmtest::servers::Dhcp;
use calco_vmtest::servers::dhcp::{self, Manners};
use calco_vmtest::{Bus, Disk, Key, Machine, Wire};
use dhcproto::v4::MessageType;
use serde_json::json;
use std::fs;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a job with a small disk may take, the wait for the network included.
const SMALL_JOB: Duration = Duration::from_secs(600);

/// A web server on the host's loopback, which the guest reaches as 10.0.2.2.
struct WebServer {
    port: u16,
    child: Child,
}

impl WebServer {
    /// Shows a folder; `work` is for the server's own files.
    fn start(folder: &Path, work: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let work = work.display();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {work}/{name};"))
            .concat();
        let configuration = format!(
            "daemon off; master_process off; pid {work}/pid; error_log {work}/log;\n\
             events {{}} http {{ {temporary} access_log off;\n\
             server {{ listen 127.0.0.1:{port}; root {}; }} }}\n",
            folder.display()
        );
        let file = format!("{work}/nginx.conf");
        fs::write(&file, configuration).unwrap();
        let child = Command::new("/usr/sbin/nginx")
            .args(["-c", &file, "-e", &format!("{work}/log")])
            .stdin(Stdio::null())
            .spawn()
            .expect("nginx-light has to be installed for this test");
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(60), "the server does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { port, child }
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An image of a small disk, in a folder `images` of `work`; answers disk and folder.
fn image_of_a_small_disk(built: &BuiltSystem, work: &Path) -> (PathBuf, PathBuf) {
    let source = small_disk(work);
    let images = work.join("images");
    fs::create_dir(&images).unwrap();
    let saved = Command::new(built.program())
        .args(["save".as_ref(), source.as_os_str(), "--to".as_ref(), images.as_os_str()])
        .args(["--name", "lab"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(saved.status.success(), "{}", String::from_utf8_lossy(&saved.stderr));
    (source, images)
}

/// A restore of that image to an empty disk, unattended, from a server on the host.
fn restores(name: &str, words: &str) {
    let Some(built) = BuiltSystem::find(name) else { return };
    let work = work_folder(name);
    let (source, images) = image_of_a_small_disk(&built, work.path());
    let server = WebServer::start(&images, work.path());
    let target = work.path().join("target.img");
    fs::File::create(&target).unwrap().set_len(fs::metadata(&source).unwrap().len()).unwrap();
    let texts = Texts::english();
    let words = format!(
        "{ENGLISH} {words} calco.run=\"restore http://10.0.2.2:{}/lab --to serial:TARGET\"",
        server.port
    );
    let disk = Disk::new(&target).on(Bus::Virtio).serial_number("TARGET");
    let machine = Machine::new(name).disk(disk).wire(Wire::Host);
    let mut guest = machine.boot(built.boot_kernel(&words)).start();
    guest.wait_for_output(texts.get("init-run-succeeded"), MENU + SMALL_JOB);
    guest.keep_screen("restored");
    // After a restore it switches itself off.
    guest.wait_for_end(SOON);
    let same = Command::new("cmp").arg(&source).arg(&target).output().unwrap();
    assert!(same.status.success(), "{}", String::from_utf8_lossy(&same.stdout));
}

#[test]
fn an_address_by_dhcp_and_an_image_from_a_web_server() {
    restores("network-dhcp", "");
}

#[test]
fn an_address_from_the_command_line_and_an_image_from_a_web_server() {
    restores("network-static", "calco.ip=10.0.2.77/24,10.0.2.2");
}

#[test]
fn an_image_from_a_web_server_by_the_menu() {
    let name = "network-web-menu";
    let Some(built) = BuiltSystem::find(name) else { return };
    let work = work_folder(name);
    let (source, images) = image_of_a_small_disk(&built, work.path());
    let server = WebServer::start(&images, work.path());
    let target = work.path().join("target.img");
    fs::File::create(&target).unwrap().set_len(fs::metadata(&source).unwrap().len()).unwrap();
    let texts = Texts::english();
    let disk = Disk::new(&target).on(Bus::Virtio).serial_number("TARGET");
    let machine = Machine::new(name).disk(disk).wire(Wire::Host);
    let mut guest = at_the_menu(&built, machine, &texts);
    let mut menu = Menu { guest: &mut guest, texts: &texts };
    let address = format!("http://10.0.2.2:{}", server.port);
    menu.restore_from_server(&format!("{address}/lab"), "lab", "TARGET");
    menu.power_off();
    let same = Command::new("cmp").arg(&source).arg(&target).output().unwrap();
    assert!(same.status.success(), "{}", String::from_utf8_lossy(&same.stdout));
}

#[test]
fn an_address_is_given_by_hand_and_taken_back() {
    let name = "network-by-hand";
    let Some(built) = BuiltSystem::find(name) else { return };
    let work = work_folder(name);
    fs::write(work.path().join("hello"), "reached\n").unwrap();
    let server = WebServer::start(work.path(), work.path());
    let texts = Texts::english();
    let mut guest = at_the_menu(&built, Machine::new(name).wire(Wire::Host), &texts);
    let mut menu = Menu { guest: &mut guest, texts: &texts };
    menu.choose("menu-network");
    menu.guest.wait_for("10.0.2.15/24", SOON);
    menu.choose("menu-network-give");
    // A mistake is told, and nothing is lost.
    menu.guest.wait_for("192.168.1.20/24", SOON);
    menu.replace_line("10.0.2.77/240");
    menu.guest.press(Key::Enter);
    menu.guest.wait_for("10.0.2.77/240", SOON);
    menu.guest.keep_screen("mistake");
    menu.replace_line("10.0.2.77/24");
    menu.guest.press(Key::Enter);
    menu.guest.wait_for("10.0.2.1", SOON);
    menu.guest.keep_screen("gateway");
    menu.replace_line("10.0.2.2");
    menu.guest.press(Key::Enter);
    menu.guest.wait_for("DNS", SOON);
    menu.guest.press(Key::Enter);
    menu.guest.wait_for("VLAN", SOON);
    menu.guest.press(Key::Enter);
    menu.guest.wait_for("10.0.2.77/24,gw=10.0.2.2,dns=10.0.2.2,dev=eth0", SOON);
    menu.guest.keep_screen("question");
    menu.choose("menu-network-use");
    menu.guest.wait_for("eth0: 10.0.2.77/24", SOON);
    menu.guest.keep_screen("given");
    menu.guest.press(Key::Escape);
    menu.see("menu-welcome");
    enter_shell(&mut menu);
    let fetch = format!("wget -q -O - http://10.0.2.2:{}/hello", server.port);
    shell_command(menu.guest, &fetch, "reached");
    let show = "ip -4 -o address show dev eth0 | grep -c inet; ip route | grep -c default; \
                grep nameserver /etc/resolv.conf; echo all-$((40 + 2))";
    let begin = menu.guest.output().len();
    shell_command(menu.guest, show, "all-42");
    let told = menu.guest.output()[begin..].replace('\r', "");
    assert!(told.contains("\n1\n1\nnameserver 10.0.2.2\nall-42"), "{told}");
    // Ctrl-C ends a command, and not the shell.
    menu.guest.type_text("echo begun-$((40 + 2)); sleep 3000");
    menu.guest.press(Key::Enter);
    menu.guest.wait_for_output("begun-42", SOON);
    std::thread::sleep(Duration::from_secs(2));
    menu.guest.press(Key::Control('c'));
    shell_command(menu.guest, "echo ended-$((40 + 2))", "ended-42");
    menu.guest.type_text("exit");
    menu.guest.press(Key::Enter);
    menu.see("menu-welcome");

    menu.choose("menu-network");
    menu.choose("menu-network-ask");
    menu.choose("menu-network-use");
    menu.guest.wait_for("eth0: 10.0.2.15/24", SOON);
    menu.guest.keep_screen("taken-back");
}

#[test]
fn a_cable_that_is_pulled_out_and_put_back_is_noticed() {
    let name = "network-cable";
    let Some(built) = BuiltSystem::find(name) else { return };
    let texts = Texts::english();
    let mut guest = at_the_menu(&built, Machine::new(name).wire(Wire::Host), &texts);
    let mut menu = Menu { guest: &mut guest, texts: &texts };
    menu.choose("menu-network");
    menu.guest.wait_for("eth0: 10.0.2.15/24", SOON);
    for round in 0..2 {
        menu.guest.command("set_link", json!({ "name": "wire", "up": false }));
        menu.guest.wait_for("eth0: no cable", SOON);
        menu.guest.keep_screen(&format!("out-{round}"));
        menu.guest.command("set_link", json!({ "name": "wire", "up": true }));
        menu.guest.wait_for("eth0: 10.0.2.15/24", SOON);
    }
}

/// An address is for a time. It is kept as long as the server confirms it, and given up when nobody does or
/// the server wants it back.
#[test]
fn an_address_is_kept_as_long_as_the_server_wants() {
    let name = "network-lease";
    let Some(built) = BuiltSystem::find(name) else { return };
    let texts = Texts::english();
    let server = Dhcp::start(15);
    let wire = Wire::Test { to: server.port, from: server.guest_port };
    let mut guest = at_the_menu(&built, Machine::new(name).wire(wire), &texts);
    let mut menu = Menu { guest: &mut guest, texts: &texts };
    menu.choose("menu-network");
    let lease = Duration::from_secs(u64::from(dhcp::LEASE));
    menu.guest.wait_for("eth0: 10.9.0.15/24", SOON);
    let asked: Vec<_> = server.heard().into_iter().map(|(kind, _)| kind).collect();
    assert!(asked.starts_with(&[MessageType::Discover]), "{asked:?}");
    assert!(asked.ends_with(&[MessageType::Request]), "{asked:?}");
    // Twice it asks for more time for what it has, for nothing else, and long before the end.
    for _ in 0..2 {
        let begun = Instant::now();
        let heard = server.wait(SOON);
        assert_eq!(heard, [(MessageType::Request, Some([10, 9, 0, 15].into()))]);
        assert!(begun.elapsed() < lease, "{:?}", begun.elapsed());
    }
    menu.guest.keep_screen("kept");

    // The server wants it back.
    server.set(Manners::Gives(16));
    menu.guest.wait_for("eth0: 10.9.0.16/24", SOON);
    menu.guest.keep_screen("another");

    // Nobody answers any more: the address is given up when its time is over, not before.
    server.set(Manners::Silent);
    menu.guest.wait_for("no answer to DHCP", lease + SOON);
    menu.guest.keep_screen("over");
    server.set(Manners::Gives(17));
    menu.guest.wait_for("eth0: 10.9.0.17/24", SOON);
    menu.guest.press(Key::Escape);
    menu.see("menu-welcome");
    enter_shell(&mut menu);
    // What was given up is gone, and the time server that DHCP named was asked.
    let addresses = "ip -4 addr show dev eth0 | grep -c inet";
    shell_command(&mut guest, &format!("echo there-are-$({addresses})"), "there-are-1");
    let search = "grep -c '^search lab.example campus.example$' /etc/resolv.conf";
    shell_command(&mut guest, &format!("echo searched-$({search})"), "searched-1");
    let routes = "ip route | grep -c -e 'default via 10.9.0.1 ' -e '10.77.0.0/16 via 10.9.0.2 '";
    shell_command(&mut guest, &format!("echo routes-$({routes})"), "routes-2");
    let asked = format!("dmesg | grep -c '{}:.*does not tell the time'", dhcp::TIME_SERVER);
    shell_command(&mut guest, &format!("[ $({asked}) -gt 0 ] && echo was-$((40 + 2))"), "was-42");
}

/// An unattended run that needs a server and cannot reach any; what is said, and the way back.
fn explains(name: &str, wire: Option<Wire>, words: &str, text: &str) {
    let Some(built) = BuiltSystem::find(name) else { return };
    let work = work_folder(name);
    let texts = Texts::english();
    let disk = Disk::new(small_disk(work.path())).on(Bus::Virtio).serial_number(SMALL_SERIAL);
    let words = format!(
        "{ENGLISH} {words} calco.run=\"save serial:{SMALL_SERIAL} --to s3://images?endpoint=http://10.0.2.2:9\""
    );
    let machine = Machine::new(name).disk(disk);
    let machine = match wire {
        Some(wire) => machine.wire(wire),
        None => machine,
    };
    let mut guest = machine.boot(built.boot_kernel(&words)).start();
    guest.wait_for_output(text, MENU + SMALL_JOB);
    guest.wait_for(texts.get("init-run-stays"), SOON);
    guest.keep_screen("explained");
    guest.press(Key::Enter);
    guest.wait_for(texts.get("menu-welcome"), SOON);
}

#[test]
fn without_a_network_card_that_is_said() {
    explains("network-none", None, "", Texts::english().get("network-no-interface"));
}

#[test]
fn a_dhcp_server_that_never_answers_is_named_as_the_reason() {
    explains("network-silent", Some(Wire::Nobody), "", "no answer to DHCP");
}

/// A time server on the host's loopback that tells the truth, and its port.
fn time_server() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut question = [0; 48];
        while let Ok((_, from)) = socket.recv_from(&mut question) {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            // Seconds since 1900, and parts of one.
            let seconds = now.as_secs() + 2_208_988_800;
            let fraction = u64::from(now.subsec_nanos()) * (1 << 32) / 1_000_000_000;
            let stamp = (seconds << 32) + fraction;
            let mut answer = [0; 48];
            answer[..2].copy_from_slice(&[0x24, 1]);
            answer[12..16].copy_from_slice(b"GPS\0");
            answer[24..32].copy_from_slice(&question[40..48]);
            for place in [16, 32, 40] {
                answer[place..place + 8].copy_from_slice(&stamp.to_be_bytes());
            }
            let _ = socket.send_to(&answer, from);
        }
    });
    port
}

#[test]
fn a_clock_that_is_wrong_is_set() {
    let name = "network-clock";
    let Some(built) = BuiltSystem::find(name) else { return };
    let texts = Texts::english();
    let machine = Machine::new(name).wire(Wire::Host).clock("2020-01-01T00:00:00");
    let words = format!("{ENGLISH} calco.ip=dhcp,ntp=10.0.2.2:{}", time_server());
    let mut guest = machine.boot(built.boot_kernel(&words)).start();
    guest.wait_for(texts.get("menu-welcome"), MENU);
    enter_shell(&mut Menu { guest: &mut guest, texts: &texts });
    let wait = "while [ $(date +%Y) = 2020 ]; do sleep 1; done; echo year-$(date +%Y)";
    let year = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 31_556_952 + 1970;
    shell_command(&mut guest, wait, &format!("year-{year}"));
    guest.keep_screen("set");
}

/// What each Ethernet frame in a file of libpcap says it is: its type and the two bytes behind, which are
/// the number of the network where it is tagged.
fn frames(file: &Path) -> Vec<[u8; 4]> {
    let bytes = fs::read(file).unwrap();
    let mut found = Vec::new();
    // A header of 24 bytes; before each frame 16, the captured length at the ninth.
    let mut rest = bytes.get(24..).unwrap_or_default();
    while let Some(length) = rest.get(8..12) {
        let length = u32::from_le_bytes(length.try_into().unwrap()) as usize;
        let Some(frame) = rest.get(16..16 + length) else { break };
        found.extend(frame.get(12..16).and_then(|kind| <[u8; 4]>::try_from(kind).ok()));
        rest = &rest[16 + length..];
    }
    found
}

#[test]
fn a_tagged_network_is_the_only_one_that_is_spoken_to() {
    let name = "network-vlan";
    let Some(built) = BuiltSystem::find(name) else { return };
    let work = work_folder(name);
    let texts = Texts::english();
    let capture = work.path().join("wire.pcap");
    let disk = Disk::new(small_disk(work.path())).on(Bus::Virtio).serial_number(SMALL_SERIAL);
    let machine = Machine::new(name).disk(disk).wire(Wire::Host).capture(&capture);
    let words = format!("{ENGLISH} calco.ip=dhcp,vlan=42");
    let mut guest = machine.boot(built.boot_kernel(&words)).start();
    guest.wait_for(texts.get("menu-welcome"), MENU);
    let mut menu = Menu { guest: &mut guest, texts: &texts };
    menu.choose("menu-network");
    menu.guest.wait_for("eth0.42", SOON);
    menu.guest.wait_for("no answer to DHCP", SOON);
    menu.guest.keep_screen("network");
    drop(guest);
    let frames = frames(&capture);
    let tagged = frames.iter().filter(|kind| **kind == [0x81, 0x00, 0, 42]).count();
    assert!(tagged >= 5, "{tagged} of {} frames are tagged", frames.len());
    // Outside of it, nothing but what the kernel says by itself on an interface that is up: IPv6.
    let others = frames.iter().filter(|kind| **kind != [0x81, 0x00, 0, 42]);
    for kind in others {
        assert_eq!(kind[..2], [0x86, 0xDD], "{kind:02x?}");
    }
}

#[test]
fn a_server_that_is_not_there_is_named_as_the_reason() {
    explains("network-refused", Some(Wire::Host), "", "refused");
}

#[test]
fn a_folder_on_a_server_by_the_menu() {
    let Some(built) = BuiltSystem::find("network-menu") else { return };
    if !sshd::can_serve() {
        return;
    }
    let server = Sshd::start();
    let work = work_folder("network-menu");
    let texts = Texts::english();
    let disk = Disk::new(small_disk(work.path())).on(Bus::Virtio).serial_number(SMALL_SERIAL);
    let machine = Machine::new("network-menu").disk(disk).wire(Wire::Host);
    let mut guest = at_the_menu(&built, machine, &texts);
    let mut menu = Menu { guest: &mut guest, texts: &texts };
    menu.choose("menu-network");
    menu.guest.wait_for("10.0.2.15/24", SOON);
    menu.guest.keep_screen("network");
    menu.guest.screenshot("network");
    menu.guest.press(Key::Escape);
    menu.see("menu-welcome");

    menu.choose_source(SMALL_SERIAL);
    menu.choose("menu-place-server");
    menu.see("menu-server-prompt");
    menu.guest.keep_screen("address");
    menu.guest.type_text(&server.address().replace("127.0.0.1", "10.0.2.2"));
    menu.guest.press(Key::Enter);
    // Nobody saw this server before.
    menu.guest.wait_for(&server.fingerprint(), SOON);
    menu.guest.keep_screen("host-key");
    menu.guest.type_text("yes");
    menu.guest.press(Key::Enter);
    menu.guest.wait_for("Password of root", SOON);
    menu.guest.type_text(sshd::PASSWORD);
    menu.guest.keep_screen("password");
    assert!(!menu.guest.screen().to_string().contains("päss"), "it is shown as it is");
    menu.guest.press(Key::Enter);
    menu.name_and_start("by-menu");
    menu.see_within("menu-saved", SMALL_JOB);
    menu.guest.keep_screen("saved");
    menu.leave_summary();
    menu.power_off();
    let verified = Command::new(built.program())
        .arg("verify")
        .arg(server.images().join("by-menu"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}
