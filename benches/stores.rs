//! What the stores on servers carry, against the ordinary client over the same loopback, as ratios of
//! wall time: SFTP against OpenSSH's `sftp`, object storage against boto3, a web server against `curl`.
//! Each round does one after the other, since the speed of a shared machine drifts. Needs what
//! `./build.sh test` needs, `curl`, and root; for object storage the server in `CALCO_S3_SERVER`; `CALCO_BENCH_ROUNDS` says how often (5).
#![allow(missing_docs, reason = "a program")]

#[path = "../tests/servers/moto.rs"]
#[allow(dead_code, reason = "shared with the tests of servers")]
mod moto;
#[path = "../tests/servers/sshd.rs"]
#[allow(dead_code, reason = "shared with the tests of servers")]
mod sshd;

use calco::image::{Freshness, ImageFiles};
use calco::store::address::Address;
use calco::store::credentials::{Credentials, Nobody, Secret};
use calco::store::{
    BucketStore, HostKeys, Redirects, SftpStore, SiteStore, Store, Trust, WebClient,
};
use std::fs;
use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of the file that is carried.
const LENGTH: u64 = 512 << 20;
/// Bytes that are given to a writer or asked of a reader at once, as a pack is written and read.
const PIECE: usize = 1 << 20;

fn timed(work: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    work();
    begun.elapsed().as_secs_f64()
}

fn run(command: &mut Command) {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
    assert!(status.expect("the client is installed").success(), "{command:?}");
}

/// Prints a row: the rate of the client, ours, and the median of the ratios with their range.
fn show(what: &str, rounds: &[(f64, f64)]) {
    let mut ratios: Vec<f64> = rounds.iter().map(|(client, own)| own / client).collect();
    ratios.sort_by(f64::total_cmp);
    let rate = |seconds: f64| LENGTH as f64 / seconds / 1e6;
    let median = |mut list: Vec<f64>| {
        list.sort_by(f64::total_cmp);
        list[list.len() / 2]
    };
    let client = median(rounds.iter().map(|round| round.0).collect());
    let own = median(rounds.iter().map(|round| round.1).collect());
    println!(
        "| {what} | {:.0} | {:.0} | {:.2} ({:.2} to {:.2}) |",
        rate(client),
        rate(own),
        ratios[ratios.len() / 2],
        ratios[0],
        ratios[ratios.len() - 1]
    );
}

fn write_all(files: &dyn ImageFiles, name: &str, content: &[u8]) {
    let mut writer = files.create(name).unwrap();
    for piece in content.chunks(PIECE) {
        writer.write(piece).unwrap();
    }
    writer.finish().unwrap();
}

fn read_all(store: &dyn Store, directory: &str, name: &str) {
    let files = store.directory(directory).unwrap();
    let reader = files.open(name, Freshness::Any).unwrap();
    let mut piece = vec![0; PIECE];
    for offset in (0..reader.length()).step_by(PIECE) {
        let length = (reader.length() - offset).min(PIECE as u64) as usize;
        reader.read_at(offset, &mut piece[..length]).unwrap();
    }
}

fn sftp(content: &[u8], local: &Path, rounds: usize) {
    let server = sshd::Sshd::start();
    let address = Address::parse(&server.address()).unwrap().unwrap();
    let port = address.port.unwrap().to_string();
    let credentials = Credentials {
        key: Some(Secret::new(fs::read_to_string(server.path("key")).unwrap())),
        ..Credentials::default()
    };
    let keys = HostKeys { given: vec![server.fingerprint()], file: None };
    let store = SftpStore::open(address, credentials, keys, Arc::new(Nobody)).unwrap();
    let files = store.create_directory("bench").unwrap();
    let folder = server.images().join("bench");
    let batch = server.path("batch");
    let client = |order: &str| {
        fs::write(&batch, order).unwrap();
        let mut command = Command::new("sftp");
        command.args(["-q", "-P", &port, "-i"]).arg(server.path("key")).arg("-b").arg(&batch);
        command.args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]);
        run(command.arg("root@127.0.0.1"));
    };
    let (mut writes, mut reads) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let there = folder.join("theirs");
        let put = format!("put -f {} {}\n", local.display(), there.display());
        let theirs = timed(|| client(&put));
        let name = format!("ours-{round}");
        let ours = timed(|| write_all(files.as_ref(), &name, content));
        writes.push((theirs, ours));
        let get = format!("get {} /dev/null\n", there.display());
        let theirs = timed(|| client(&get));
        let ours = timed(|| read_all(&store, "bench", &name));
        reads.push((theirs, ours));
        files.delete(&name).unwrap();
    }
    show("SFTP, write (`sftp put -f`)", &writes);
    show("SFTP, read (`sftp get`)", &reads);
}

/// What boto3 does with a file, and the seconds that takes without its own start.
const BOTO: &str = r#"
import sys, time
import boto3
what, port, secret, local = sys.argv[1:]
client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1",
                      aws_access_key_id="AKTEST", aws_secret_access_key=secret)
client.list_buckets()
begun = time.monotonic()
if what == "put":
    client.upload_file(local, "images", "bench/theirs")
else:
    with open("/dev/null", "wb") as nowhere:
        client.download_fileobj("images", "bench/theirs", nowhere)
print(time.monotonic() - begun)
"#;

fn bucket(content: &[u8], local: &Path, rounds: usize) {
    let server = moto::Moto::start();
    let address = Address::parse(&moto::Moto::address(server.port, "")).unwrap().unwrap();
    let credentials = Credentials {
        access_key: Some("AKTEST".to_owned()),
        secret_key: Some(Secret::new(moto::SECRET.to_owned())),
        ..Credentials::default()
    };
    let client = WebClient::new(&Trust::default(), Redirects::Refused).unwrap();
    let store = BucketStore::open(client, address, &credentials, &Nobody).unwrap();
    let files = store.create_directory("bench").unwrap();
    let boto = |what: &str| {
        let mut command = Command::new(moto::interpreter());
        command.args(["-c", BOTO, what, &server.port.to_string(), moto::SECRET]).arg(local);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().parse::<f64>().unwrap()
    };
    let (mut writes, mut reads) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let theirs = boto("put");
        let name = format!("ours-{round}");
        let ours = timed(|| write_all(files.as_ref(), &name, content));
        writes.push((theirs, ours));
        let theirs = boto("get");
        reads.push((theirs, timed(|| read_all(&store, "bench", &name))));
        files.delete(&name).unwrap();
    }
    show("object storage, write (boto3 `upload_file`)", &writes);
    show("object storage, read (boto3 `download_fileobj`)", &reads);
}

struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn web(local: &Path, rounds: usize) {
    let work = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let own = work.path().display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {own}/{name};"))
        .concat();
    let configuration = format!(
        "daemon off; master_process off; pid {own}/pid; error_log {own}/log;\n\
         events {{}} http {{ {temporary} access_log off; sendfile on;\n\
         server {{ listen 127.0.0.1:{port}; root {}; }} }}\n",
        local.parent().unwrap().display()
    );
    let file = work.path().join("nginx.conf");
    fs::write(&file, configuration).unwrap();
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-c").arg(&file).arg("-e").arg(work.path().join("log")).stdin(Stdio::null());
    let _server = Nginx(command.spawn().expect("nginx-light is installed"));
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the server does not start");
        std::thread::sleep(Duration::from_millis(50));
    }
    let address = Address::parse(&format!("http://127.0.0.1:{port}/")).unwrap().unwrap();
    let client = WebClient::new(&Trust::default(), Redirects::Refused).unwrap();
    let store = SiteStore::open(client, address, &Credentials::default(), &Nobody).unwrap();
    let name = local.file_name().unwrap().to_str().unwrap();
    let url = format!("http://127.0.0.1:{port}/{name}");
    let reads: Vec<(f64, f64)> = (0..rounds)
        .map(|_| {
            let theirs =
                timed(|| run(Command::new("curl").args(["-sf", "-o", "/dev/null"]).arg(&url)));
            (theirs, timed(|| read_all(&store, "", name)))
        })
        .collect();
    show("web server, read (`curl -o`)", &reads);
}

fn main() {
    // `cargo test` runs benchmarks too, to see that they work.
    if !std::env::args().any(|word| word == "--bench") || !sshd::can_serve() {
        return;
    }
    let rounds = std::env::var("CALCO_BENCH_ROUNDS").ok().and_then(|text| text.parse().ok());
    let rounds: usize = rounds.unwrap_or(5);
    let folder = tempfile::tempdir().unwrap();
    let local = folder.path().join("content");
    let mut content = Vec::new();
    let random = fs::File::open("/dev/urandom").unwrap();
    random.take(LENGTH).read_to_end(&mut content).unwrap();
    fs::write(&local, &content).unwrap();
    println!("| | client, MB/s | calco, MB/s | time against the client's (least to most) |");
    println!("|---|--:|--:|--:|");
    sftp(&content, &local, rounds);
    if moto::can_serve() {
        bucket(&content, &local, rounds);
    }
    web(&local, rounds);
}
