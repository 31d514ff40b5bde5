use super::*;
use crate::report::{Report, Silent};
use crate::store::patience::watch;
use crate::store::{LocalStore, MemoryStore, PatientStore};
use crate::text::Message;
use std::sync::Condvar;
use std::time::Instant;

/// Whether the server is away, and the news of it.
type Switch = (Mutex<bool>, Condvar);

/// A store whose server can go away: what is asked meanwhile waits, as a mount does.
struct Hanging {
    store: MemoryStore,
    is_away: Arc<Switch>,
}

impl Hanging {
    fn pair() -> (Arc<dyn Store>, Arc<Switch>) {
        let is_away = Arc::new((Mutex::new(false), Condvar::new()));
        let store = Self { store: MemoryStore::default(), is_away: is_away.clone() };
        (Arc::new(store), is_away)
    }

    fn wait(&self) {
        let mut is_away = self.is_away.0.lock().unwrap();
        while *is_away {
            is_away = self.is_away.1.wait(is_away).unwrap();
        }
    }
}

fn set(is_away: &Switch, value: bool) {
    *is_away.0.lock().unwrap() = value;
    is_away.1.notify_all();
}

impl Store for Hanging {
    fn location(&self) -> String {
        "nfs://away/x".to_owned()
    }
    fn directories(&self) -> Result<Vec<String>> {
        self.wait();
        self.store.directories()
    }
    fn directory(&self, name: &str) -> Result<Arc<dyn ImageFiles>> {
        self.wait();
        self.store.directory(name)
    }
    fn create_directory(&self, name: &str) -> Result<Arc<dyn ImageFiles>> {
        self.wait();
        self.store.create_directory(name)
    }
    fn remove_directory(&self, name: &str) -> Result<()> {
        self.store.remove_directory(name)
    }
    fn free_space(&self) -> Option<u64> {
        self.store.free_space()
    }
    fn max_file_size(&self) -> Option<u64> {
        None
    }
    fn claim(&self, name: &str) -> Result<Option<Claim>> {
        self.store.claim(name)
    }
}

const SOON: Duration = Duration::from_millis(300);

struct Notes(Mutex<Vec<String>>);

impl Report for Notes {
    fn begin(&self, _: crate::report::Stage, _: u64) {}
    fn end(&self) {}
    fn advance(&self, _: u64) {}
    fn note(&self, message: &Message) {
        self.0.lock().unwrap().push(message.id().to_string());
    }
    fn is_interrupted(&self) -> bool {
        false
    }
}

#[test]
fn a_server_that_hangs_is_waited_for_and_told_of() {
    let (store, is_away) = Hanging::pair();
    let patience = Arc::new(Patience::new("nfs://hangs", Duration::from_secs(60)));
    let share = ShareStore::of_thread(store, patience.clone(), SOON).unwrap();
    let share = PatientStore::new(Arc::new(share), patience);
    share.create_directory("one").unwrap();
    set(&is_away, true);
    let notes = Notes(Mutex::default());
    let names = watch(&notes, || {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(4 * SOON);
                set(&is_away, false);
            });
            share.directories()
        })
    });
    assert_eq!(names.unwrap(), ["one"]);
    let notes = notes.0.into_inner().unwrap();
    assert!(notes.contains(&"store-waiting".to_owned()), "{notes:?}");
    assert!(notes.contains(&"store-back".to_owned()), "{notes:?}");
}

#[test]
fn a_server_that_hangs_for_good_is_given_up() {
    let (store, is_away) = Hanging::pair();
    let patience = Arc::new(Patience::new("nfs://for-good", Duration::from_secs(1)));
    let share = ShareStore::of_thread(store, patience.clone(), SOON).unwrap();
    let share = PatientStore::new(Arc::new(share), patience);
    share.create_directory("one").unwrap();
    set(&is_away, true);
    let begun = Instant::now();
    let error = watch(&Silent, || share.directories()).unwrap_err();
    assert_eq!(error.message().id(), "store-gone", "{error:?}");
    // Once, and not as often as something insists.
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    set(&is_away, false);
    // The next question finds a new way.
    assert_eq!(share.directories().unwrap(), ["one"]);
}

#[test]
fn what_went_wrong_is_told_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let local = Arc::new(LocalStore::open(folder.path()).unwrap());
    let patience = Arc::new(Patience::new("x", Duration::ZERO));
    let share = ShareStore::of_thread(local.clone(), patience, SOON).unwrap();
    for (far, near) in [
        (share.directory("none").err().unwrap(), local.directory("none").err().unwrap()),
        (share.remove_directory("no").unwrap_err(), local.remove_directory("no").unwrap_err()),
    ] {
        assert_eq!(far.kind(), near.kind());
        assert_eq!(far.report(), near.report());
    }
}

#[test]
fn who_has_a_claim_keeps_others_out() {
    let folder = tempfile::tempdir().unwrap();
    let local = Arc::new(LocalStore::open(folder.path()).unwrap());
    let patience = Arc::new(Patience::new("x", Duration::ZERO));
    let share = ShareStore::of_thread(local.clone(), patience, SOON).unwrap();
    let files = share.create_directory("image").unwrap();
    files.create(crate::image::HEADER).unwrap().finish().unwrap();
    let claim = share.claim("image").unwrap();
    assert!(claim.is_some());
    assert!(local.claim("image").unwrap().is_none());
    assert!(share.claim("image").unwrap().is_none());
    drop(claim);
    assert!(local.claim("image").unwrap().is_some());
}

#[test]
fn a_line_that_broke_is_made_anew_and_a_file_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let local = Arc::new(LocalStore::open(folder.path()).unwrap());
    let patience = Arc::new(Patience::new("breaks", Duration::from_secs(60)));
    let share = Arc::new(ShareStore::of_thread(local, patience.clone(), SOON).unwrap());
    let inner = share.share.clone();
    let store = PatientStore::new(share, patience);
    let files = store.create_directory("image").unwrap();
    let mut writer = files.create("file").unwrap();
    let content: Vec<u8> = (0..5_000_000u32).map(|number| (number >> 7) as u8).collect();
    for (number, piece) in content.chunks(500_000).enumerate() {
        if number == 4 {
            writer.sync().unwrap();
            assert!(writer.durable() > 0);
        }
        if number == 2 || number == 7 {
            inner.line().unwrap().give_up();
        }
        writer.write(piece).unwrap();
    }
    writer.finish().unwrap();
    let reader = files.open("file", Freshness::Medium).unwrap();
    let mut found = vec![0; content.len()];
    reader.read_at(0, &mut found[..1000]).unwrap();
    inner.line().unwrap().give_up();
    reader.read_at(0, &mut found).unwrap();
    assert!(found == content);
}

#[test]
fn a_way_to_the_server_is_looked_for_first() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    assert!(reach_host(Scheme::Nfs, "127.0.0.1", port).is_ok());
    drop(listener);
    let refused = reach_host(Scheme::Nfs, "127.0.0.1", port).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unreachable);
    assert!(refused.report().contains("NFS"), "{refused:?}");
    let unknown = reach_host(Scheme::Smb, "no-such-host.invalid", port).unwrap_err();
    assert_eq!(unknown.message().id(), "ssh-no-such-host");
}
