//! What every store must do, checked on each of them.

#[path = "servers/line.rs"]
mod line;
#[path = "servers/moto.rs"]
mod moto;
#[path = "servers/sshd.rs"]
#[allow(dead_code, reason = "shared with the tests of servers")]
mod sshd;

use calco::error::{ErrorKind, Result};
use calco::image::{Freshness, ImageFiles};
use calco::store::address::Address;
use calco::store::credentials::{Credentials, Nobody, Secret};
use calco::store::patience::Patience;
use calco::store::{
    BucketStore, HostKeys, LocalStore, MemoryStore, PatientStore, Redirects, SftpStore, ShareStore,
    Store, Trust, WebClient,
};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

fn write(files: &dyn ImageFiles, name: &str, pieces: &[&[u8]]) -> Result<()> {
    let mut writer = files.create(name)?;
    for piece in pieces {
        writer.write(piece)?;
    }
    writer.finish()
}

fn read(files: &dyn ImageFiles, name: &str, freshness: Freshness) -> Result<Vec<u8>> {
    let reader = files.open(name, freshness)?;
    let mut bytes = vec![0; reader.length() as usize];
    reader.read_at(0, &mut bytes)?;
    Ok(bytes)
}

fn kind<T>(result: Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

/// A directory that is made for one check and removed after it.
fn with_directory(store: &dyn Store, name: &str, check: impl FnOnce(&dyn ImageFiles)) {
    let files = store.create_directory(name).unwrap();
    assert!(store.directories().unwrap().contains(&name.to_owned()), "{name}");
    check(files.as_ref());
    for file in files.list().unwrap() {
        files.delete(&file.name).unwrap();
    }
    store.remove_directory(name).unwrap();
    assert!(!store.directories().unwrap().contains(&name.to_owned()));
    assert_eq!(kind(store.directory(name)), Some(ErrorKind::NotFound));
}

fn directories_are_made_once_and_removed_empty(store: &dyn Store) {
    assert_eq!(kind(store.directory("nothing")), Some(ErrorKind::NotFound));
    assert!(store.remove_directory("nothing").is_err());
    with_directory(store, "one", |files| {
        assert!(store.create_directory("one").is_err());
        write(files, "file", &[b"x"]).unwrap();
        assert!(store.remove_directory("one").is_err(), "it holds a file");
        assert_eq!(read(files, "file", Freshness::Any).unwrap(), b"x");
    });
    assert!(store.free_space().is_none_or(|free| free > 0));
    assert!(!store.location().is_empty());
}

fn files_are_created_only_if_absent(store: &dyn Store) {
    with_directory(store, "files", |files| {
        assert!(files.list().unwrap().is_empty());
        assert_eq!(kind(files.open("a", Freshness::Any)), Some(ErrorKind::NotFound));
        assert!(files.delete("a").is_err());
        write(files, "a", &[b"first"]).unwrap();
        assert!(files.create("a").is_err());
        assert_eq!(read(files, "a", Freshness::Medium).unwrap(), b"first");
        // A file that is begun is there, so that nobody else can begin it.
        let begun = files.create("b").unwrap();
        assert!(files.create("b").is_err());
        assert_eq!(files.list().unwrap().len(), 2);
        begun.finish().unwrap();
        assert_eq!(read(files, "b", Freshness::Any).unwrap(), b"");
        // One that was given up stays, and can be deleted.
        let mut given_up = files.create("c").unwrap();
        given_up.write(b"half").unwrap();
        drop(given_up);
        files.delete("c").unwrap();
        write(files, "c", &[b"again"]).unwrap();
        files.delete("a").unwrap();
        assert_eq!(kind(files.open("a", Freshness::Any)), Some(ErrorKind::NotFound));
    });
}

fn what_was_written_is_read_at_any_offset(store: &dyn Store) {
    with_directory(store, "ranges", |files| {
        // Longer than any buffer, and no multiple of anything.
        let bytes: Vec<u8> = (0..(9 << 20) + 4321u32).map(|i| ((i * 31) >> 7) as u8).collect();
        let pieces: Vec<&[u8]> = bytes.chunks(70_001).collect();
        write(files, "large", &pieces).unwrap();
        let listed = files.list().unwrap();
        assert_eq!((listed[0].name.as_str(), listed[0].length), ("large", bytes.len() as u64));
        for freshness in [Freshness::Any, Freshness::Medium] {
            assert!(read(files, "large", freshness).unwrap() == bytes);
            let reader = files.open("large", freshness).unwrap();
            let end = bytes.len();
            for (offset, length) in [
                (0, 1),
                (1, 4095),
                (4096, 4096),
                (511, 513),
                (1 << 20, 3 << 20),
                (end - 1, 1),
                (end, 0),
            ] {
                let mut buffer = vec![0xEE; length];
                reader.read_at(offset as u64, &mut buffer).unwrap();
                assert!(buffer == bytes[offset..offset + length], "{offset}+{length}");
            }
            for (offset, length) in
                [(end as u64, 1), (end as u64 - 1, 2), (0, end + 1), (u64::MAX, 1), (1 << 62, 4096)]
            {
                let read = reader.read_at(offset, &mut vec![0; length]);
                assert!(read.is_err(), "{offset}+{length} is past the end");
            }
            // Several readers at once.
            std::thread::scope(|scope| {
                for part in 0..4usize {
                    let (reader, bytes) = (&reader, &bytes);
                    scope.spawn(move || {
                        for step in 0..20 {
                            let offset = (part * 2_000_003 + step * 65_537) % (end - 5000);
                            let mut buffer = vec![0; 5000];
                            reader.read_at(offset as u64, &mut buffer).unwrap();
                            assert!(buffer == bytes[offset..offset + 5000]);
                        }
                    });
                }
            });
        }
    });
}

fn names_of_people(store: &dyn Store) {
    for name in ["mit Leerzeichen", "año ñandú", "日本語", "a.b-c_d~0123abcd", "-", "o'brien $HOME"]
    {
        with_directory(store, name, |files| {
            write(files, name, &[name.as_bytes()]).unwrap();
            assert_eq!(files.list().unwrap()[0].name, name);
            let again = store.directory(name).unwrap();
            assert_eq!(read(again.as_ref(), name, Freshness::Any).unwrap(), name.as_bytes());
        });
    }
}

fn savers_of_one_name(store: &dyn Store) {
    let made: Vec<bool> = std::thread::scope(|scope| {
        let makers: Vec<_> =
            (0..8).map(|_| scope.spawn(|| store.create_directory("same").is_ok())).collect();
        makers.into_iter().map(|maker| maker.join().unwrap()).collect()
    });
    assert_eq!(made.iter().filter(|made| **made).count(), 1, "one of them makes it");
    let files = store.directory("same").unwrap();
    let won: Vec<bool> = std::thread::scope(|scope| {
        let makers: Vec<_> = (0..8u8)
            .map(|number| {
                let files = files.clone();
                scope.spawn(move || write(files.as_ref(), "manifest.json", &[&[number]]).is_ok())
            })
            .collect();
        makers.into_iter().map(|maker| maker.join().unwrap()).collect()
    });
    let winner = won.iter().position(|won| *won).unwrap();
    assert_eq!(won.iter().filter(|won| **won).count(), 1, "one of them commits");
    let bytes = read(files.as_ref(), "manifest.json", Freshness::Medium).unwrap();
    assert_eq!(bytes, [winner as u8]);
    files.delete("manifest.json").unwrap();
    store.remove_directory("same").unwrap();
}

fn conforms(store: &dyn Store) {
    directories_are_made_once_and_removed_empty(store);
    files_are_created_only_if_absent(store);
    what_was_written_is_read_at_any_offset(store);
    names_of_people(store);
    savers_of_one_name(store);
    assert!(store.directories().unwrap().is_empty());
}

#[test]
fn memory() {
    conforms(&MemoryStore::default());
}

#[test]
fn local_on_the_disk() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    conforms(&LocalStore::open(folder.path()).unwrap());
}

#[test]
fn a_folder_served_by_another_process() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let local = Arc::new(LocalStore::open(folder.path()).unwrap());
    let patience = Arc::new(Patience::new("the server", Duration::from_secs(60)));
    let silence = Duration::from_secs(20);
    let share = Arc::new(ShareStore::of_thread(local, patience.clone(), silence).unwrap());
    conforms(share.as_ref());
    conforms(&PatientStore::new(share, patience));
}

/// A file system mounted for one test.
struct Mount(tempfile::TempDir);

impl Mount {
    fn tmpfs(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mounted = rustix::process::geteuid().is_root()
            && Command::new("mount")
                .args(["-t", "tmpfs", "-o", &format!("size={size}"), "calco-test"])
                .arg(folder.path())
                .status()
                .is_ok_and(|status| status.success());
        mounted.then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn remount(&self, how: &str) {
        let options = format!("remount,{how}");
        let status = Command::new("mount").args(["-o", &options]).arg(self.path()).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

fn mounted(size: &str) -> Option<Mount> {
    let mount = Mount::tmpfs(size);
    assert!(mount.is_some() || !rustix::process::geteuid().is_root(), "root can mount a tmpfs");
    mount
}

#[test]
fn local_on_tmpfs() {
    let Some(mount) = mounted("64m") else { return };
    conforms(&LocalStore::open(mount.path()).unwrap());
}

fn sftp(server: &sshd::Sshd) -> SftpStore {
    let address = Address::parse(&server.address()).unwrap().unwrap();
    let credentials = Credentials {
        password: Some(Secret::new(sshd::PASSWORD.to_owned())),
        ..Credentials::default()
    };
    let keys = HostKeys { given: vec![server.fingerprint()], file: None };
    SftpStore::open(address, credentials, keys, Arc::new(Nobody)).unwrap()
}

#[test]
fn a_folder_reached_through_ssh() {
    if !sshd::can_serve() {
        return;
    }
    let server = sshd::Sshd::start();
    conforms(&sftp(&server));
    let patience = Patience::new("the server", Duration::from_secs(60));
    conforms(&PatientStore::new(Arc::new(sftp(&server)), Arc::new(patience)));
}

fn bucket(port: u16) -> BucketStore {
    let address = moto::Moto::address(port, "a prefix/año");
    let address = Address::parse(&address).unwrap().unwrap();
    let credentials = Credentials {
        access_key: Some("AKTEST".to_owned()),
        secret_key: Some(Secret::new(moto::SECRET.to_owned())),
        ..Credentials::default()
    };
    let client = WebClient::new(&Trust::default(), Redirects::Refused).unwrap();
    BucketStore::open(client, address, &credentials, &Nobody).unwrap()
}

#[test]
fn object_storage() {
    if !moto::can_serve() {
        return;
    }
    let server = moto::Moto::start();
    conforms(&bucket(server.port));
    let patience = Patience::new("the server", Duration::from_secs(60));
    conforms(&PatientStore::new(Arc::new(bucket(server.port)), Arc::new(patience)));
}

#[test]
fn a_file_in_parts_that_failed_is_not_completed_without_some_of_them() {
    if !moto::can_serve() {
        return;
    }
    let server = moto::Moto::start();
    let line = line::Line::to(server.port);
    let files = bucket(line.port).create_directory("image").unwrap();
    let content: Vec<u8> = (0..60_000_000u32).map(|number| (number >> 9) as u8).collect();
    let mut writer = files.create("file").unwrap();
    writer.write(&content[..20_000_000]).unwrap();
    writer.sync().unwrap();
    let durable = writer.durable();
    assert!(durable > 0 && line.carried() >= durable);
    line.cut();
    assert!(writer.write(&content[20_000_000..]).and_then(|()| writer.sync()).is_err());
    line.mend();
    assert!(writer.write(b"more").is_err());
    assert!(writer.sync().is_err());
    assert!(writer.finish().is_err());
    assert_eq!(kind(files.open("file", Freshness::Any)), Some(ErrorKind::NotFound));
    assert!(files.resume("file", 60_000_000).is_err(), "so much was never there");
    // What is sent again is not stored twice.
    let mut writer = files.resume("file", 1_000_000).unwrap();
    writer.write(&content[1_000_000..]).unwrap();
    writer.finish().unwrap();
    assert!(read(files.as_ref(), "file", Freshness::Medium).unwrap() == content);
}

#[test]
fn a_file_that_was_begun_goes_on_where_it_is_durable() {
    if !sshd::can_serve() {
        return;
    }
    let mut server = sshd::Sshd::start();
    let store = sftp(&server);
    let files = store.create_directory("image").unwrap();
    let mut writer = files.create("file").unwrap();
    let content: Vec<u8> = (0..3_000_000u32).map(|number| (number >> 3) as u8).collect();
    writer.write(&content[..2_000_000]).unwrap();
    writer.sync().unwrap();
    assert_eq!(writer.durable(), 2_000_000);
    let _ = writer.write(&content[..500_000]);
    server.go_away();
    // What serves the connection may end a moment after who listens.
    let fails = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        writer.sync().is_err()
    });
    assert!(fails, "the server is gone");
    assert!(files.list().is_err());
    server.come_back();
    let mut writer = files.resume("file", 2_000_000).unwrap();
    writer.write(&content[2_000_000..]).unwrap();
    writer.finish().unwrap();
    assert!(read(files.as_ref(), "file", Freshness::Medium).unwrap() == content);
    assert!(files.resume("file", 4_000_000).is_err(), "so much was never there");
}

#[test]
fn a_full_destination_says_so() {
    let Some(mount) = mounted("1m") else { return };
    let store = LocalStore::open(mount.path()).unwrap();
    assert!(store.free_space().is_some_and(|free| free <= 1 << 20));
    let files = store.create_directory("image").unwrap();
    write(files.as_ref(), "kept", &[&[7; 1000]]).unwrap();
    let mut writer = files.create("large").unwrap();
    let error = (0..64).find_map(|_| writer.write(&[1; 64 << 10]).err()).unwrap();
    assert_eq!(error.kind(), ErrorKind::NoSpace, "{error:?}");
    assert!(error.advice().is_some(), "it says what to do: {error:?}");
    assert!(error.report().contains("large"), "it says where: {error:?}");
    drop(writer);
    assert_eq!(read(files.as_ref(), "kept", Freshness::Medium).unwrap(), [7; 1000]);
    files.delete("large").unwrap();
    write(files.as_ref(), "large", &[&[1; 1000]]).unwrap();
}

#[test]
fn a_read_only_destination_can_be_read() {
    let Some(mount) = mounted("1m") else { return };
    let store = LocalStore::open(mount.path()).unwrap();
    let files = store.create_directory("image").unwrap();
    write(files.as_ref(), "header.json", &[b"content"]).unwrap();
    mount.remount("ro");
    assert_eq!(read(files.as_ref(), "header.json", Freshness::Medium).unwrap(), b"content");
    assert_eq!(store.directories().unwrap(), ["image"]);
    for error in [
        files.create("more").err(),
        files.delete("header.json").err(),
        store.create_directory("other").err(),
        store.remove_directory("image").err(),
    ] {
        let error = error.expect("nothing can be changed");
        assert_eq!(error.kind(), ErrorKind::Io, "{error:?}");
        assert!(error.report().to_lowercase().contains("read-only"), "{error:?}");
    }
    mount.remount("rw");
}

#[test]
fn who_writes_a_directory_is_known_to_others() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (one, other) =
        (LocalStore::open(folder.path()).unwrap(), LocalStore::open(folder.path()).unwrap());
    let files = one.create_directory("image").unwrap();
    // Before there is a header there is nothing to claim, and nothing to lose.
    assert!(one.claim("image").unwrap().is_some());
    write(files.as_ref(), "header.json", &[b"{}"]).unwrap();
    let claim = one.claim("image").unwrap();
    assert!(claim.is_some());
    assert!(other.claim("image").unwrap().is_none(), "two writers of one directory");
    assert!(one.claim("image").unwrap().is_none());
    drop(claim);
    assert!(other.claim("image").unwrap().is_some());
}

#[test]
fn what_is_no_store() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, b"x").unwrap();
    assert_eq!(kind(LocalStore::open(&file)), Some(ErrorKind::Usage));
    assert_eq!(kind(LocalStore::open(&folder.path().join("no"))), Some(ErrorKind::NotFound));
    // Plain files, links to none and names that are no text are no images.
    for (target, name) in [("/", "link"), ("nowhere", "lost"), ("circle", "circle")] {
        std::os::unix::fs::symlink(target, folder.path().join(name)).unwrap();
    }
    use std::os::unix::ffi::OsStrExt as _;
    let odd = std::ffi::OsStr::from_bytes(b"odd\xff");
    std::fs::create_dir(folder.path().join(odd)).unwrap();
    let store = LocalStore::open(folder.path()).unwrap();
    // A link to a folder is one, of which the store knows that it is a link.
    assert_eq!(store.directories().unwrap(), ["link"]);
    assert_eq!(store.link("link").as_deref(), Some("/"));
    assert_eq!(store.link("file"), None);
}

#[test]
fn shared_handles_see_one_store() {
    let store = MemoryStore::default();
    let shared: Arc<dyn Store> = Arc::new(store.clone());
    write(shared.create_directory("a").unwrap().as_ref(), "f", &[b"1", b"2"]).unwrap();
    assert_eq!(store.get("a", "f").unwrap(), b"12");
}
