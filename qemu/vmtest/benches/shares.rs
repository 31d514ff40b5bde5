//! NFS and SMB against the ordinary client over the same link: in one virtual machine, the kernel's
//! own mount and `dd` against `calco save` and `calco restore` of the same disk, uncompressed and not
//! verified, by the guest's clock. As ratios, round by round, since the speed of a shared machine
//! drifts. Calco also hashes every byte twice, for the chunk and for the file; without KVM no
//! processor helps with that, and `sha256sum` of the same disk shows what it costs there.
//!
//! `cargo bench -p calco-vmtest --bench shares` (needs `out/`, NFS-Ganesha, Samba);
//! `CALCO_BENCH_ROUNDS` says how often (5).

use calco_vmtest::live::{BuiltSystem, ENGLISH, MENU, Shell, Texts, work_folder};
use calco_vmtest::servers::{Nfs, Smb, nfs, smb};
use calco_vmtest::{Accelerator, Bus, Disk, Machine, Wire};
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

/// Bytes of the disk that is carried.
const LENGTH: u64 = 256 << 20;
/// How long one command may take.
const PATIENCE: Duration = Duration::from_secs(1200);
/// Where the ordinary client mounts.
const MOUNT: &str = "/tmp/share";

/// A machine with a disk that nothing compresses, and one to restore to.
fn start(name: &str, built: &BuiltSystem, work: &Path) -> Shell {
    let [source, target] = ["source.img", "target.img"].map(|file| work.join(file));
    let random = fs::File::open("/dev/urandom").unwrap().take(LENGTH);
    std::io::copy(&mut { random }, &mut fs::File::create(&source).unwrap()).unwrap();
    fs::File::create(&target).unwrap().set_len(LENGTH).unwrap();
    let machine = Machine::new(name)
        .disk(Disk::new(&source).on(Bus::Virtio).serial_number("SOURCE"))
        .disk(Disk::new(&target).on(Bus::Virtio).serial_number("TARGET"))
        .wire(Wire::Host)
        .boot(built.boot_kernel(ENGLISH));
    let texts = Texts::english();
    let mut guest = machine.start();
    guest.wait_for(texts.get("menu-welcome"), MENU);
    let mut shell = Shell::enter(guest, &texts);
    shell.run(
        "node() { for d in /sys/block/vd*; do grep -q $1 $d/serial && echo /dev/${d##*/}; done; }",
        PATIENCE,
    );
    shell.run("now() { cut -d' ' -f1 /proc/uptime; }", PATIENCE);
    shell
}

/// Seconds of the guest that a command takes.
#[track_caller]
fn seconds(shell: &mut Shell, command: &str) -> f64 {
    // What was written or read before is neither in the way nor of help.
    let prepare = "sync; echo 3 >/proc/sys/vm/drop_caches; begun=$(now)";
    let command = format!("{prepare}; {command} && echo took-$((40+2))=$begun=$(now)=");
    let (code, output) = shell.run(&command, PATIENCE);
    assert_eq!(code, 0, "{command}:\n{output}");
    let times = output.rsplit("took-42=").next().unwrap_or_default();
    let times: Vec<f64> = times.split('=').map_while(|time| time.trim().parse().ok()).collect();
    let [begun, ended] = times[..] else { panic!("no times in {output}") };
    ended - begun
}

fn median(mut list: Vec<f64>) -> f64 {
    list.sort_by(f64::total_cmp);
    list[list.len() / 2]
}

/// Prints a row: the rate of the client, ours, and the median of the ratios with their range.
fn show(what: &str, rounds: &[(f64, f64)]) {
    let ratios = || rounds.iter().map(|(client, own)| own / client);
    let rate = |seconds: Vec<f64>| LENGTH as f64 / median(seconds) / 1e6;
    println!(
        "| {what} | {:.0} | {:.0} | {:.2} ({:.2} to {:.2}) |",
        rate(rounds.iter().map(|round| round.0).collect()),
        rate(rounds.iter().map(|round| round.1).collect()),
        median(ratios().collect()),
        ratios().fold(f64::INFINITY, f64::min),
        ratios().fold(0.0, f64::max),
    );
}

/// `mount` is what the ordinary client is told, `address` what calco is.
fn compare(shell: &mut Shell, name: &str, mount: &str, address: &str, rounds: usize) {
    let (code, output) = shell.run(&format!("mkdir -p {MOUNT} && mount {mount} {MOUNT}"), PATIENCE);
    assert_eq!(code, 0, "{output}");
    let (mut writes, mut reads) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let put = format!("dd if=$(node SOURCE) of={MOUNT}/theirs bs=1M conv=fsync");
        let save = format!(
            "calco save serial:SOURCE --to {address} --name ours{round} --level none --no-verify"
        );
        writes.push((seconds(shell, &put), seconds(shell, &save)));
        let get = format!("dd if={MOUNT}/theirs of=$(node TARGET) bs=1M conv=fsync");
        let restore = format!(
            "calco restore {address}/ours{round} --to serial:TARGET --yes --no-precheck --no-verify"
        );
        reads.push((seconds(shell, &get), seconds(shell, &restore)));
        let delete = format!("calco delete {address}/ours{round} --yes && rm {MOUNT}/theirs");
        assert_eq!(shell.run(&delete, PATIENCE).0, 0);
    }
    assert_eq!(shell.run(&format!("umount {MOUNT}"), PATIENCE).0, 0);
    show(&format!("{name}, `dd` to the mount, `save`"), &writes);
    show(&format!("{name}, `dd` from the mount, `restore`"), &reads);
}

fn main() {
    // Cargo also runs it as a test, to see that it works: once is enough.
    let rounds = match std::env::args().any(|word| word == "--bench") {
        true => std::env::var("CALCO_BENCH_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(5),
        false => 1,
    };
    let Some(built) = BuiltSystem::find("bench-shares") else { return };
    if !nfs::can_serve() || !smb::can_serve() {
        return;
    }
    let work = work_folder("bench-shares");
    let mut shell = start("bench-shares", &built, work.path());
    let hashing = seconds(&mut shell, "sha256sum $(node SOURCE)");
    println!("{:?}; `sha256sum` of the disk: {:.0} MB/s", Accelerator::best(), {
        LENGTH as f64 / hashing / 1e6
    });
    println!("| | client, MB/s | calco, MB/s | calco / client, wall |\n|---|--:|--:|--:|");
    let server = Nfs::start(work.path());
    let mount = format!(
        "-t nfs4 -o addr=10.0.2.2,clientaddr=10.0.2.15,port={},vers=4.1 10.0.2.2:/images",
        server.port
    );
    let address = format!("nfs://10.0.2.2:{}/images", server.port);
    compare(&mut shell, "NFS 4.1", &mount, &address, rounds);
    drop(server);
    let server = Smb::start(work.path());
    let mount =
        format!("-t cifs -o ip=10.0.2.2,port={},guest,vers=3.1.1 //10.0.2.2/open", server.port);
    let address = format!("smb://10.0.2.2:{}/open", server.port);
    compare(&mut shell, "SMB 3.1.1", &mount, &address, rounds);
}
