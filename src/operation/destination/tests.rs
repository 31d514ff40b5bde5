use super::*;

#[test]
fn a_folder_is_a_destination() {
    let folder = tempfile::tempdir().unwrap();
    let word = folder.path().display().to_string();
    let destination = open(&word, DestinationAccess::Write).unwrap();
    assert_eq!((destination.location(), destination.folder()), (word.clone(), folder.path()));
    assert!(destination.volume().is_none() && !names_volume(&word));
    destination.close(&crate::report::Silent).unwrap();
    let (destination, name) =
        open_image(&format!("{word}/sala 3"), DestinationAccess::Look).unwrap();
    assert_eq!((destination.location(), name.as_str()), (word, "sala 3"));
}

fn kind<T>(result: Result<T>) -> ErrorKind {
    result.err().unwrap().kind()
}

#[test]
fn words_that_mean_nothing_are_refused() {
    use DestinationAccess::Look;
    assert_eq!(kind(open("nfs://host.invalid/export", Look)), ErrorKind::Unreachable);
    assert_eq!(kind(open("/no/such/folder", Look)), ErrorKind::NotFound);
    assert_eq!(kind(open("usb:", Look)), ErrorKind::Usage);
    for word in ["ftp://nas/x", "ssh://nas/x", "\\\\nas\\share", "//nas/share", "ana@nas:/x"] {
        assert_eq!(kind(open(word, Look)), ErrorKind::Usage, "{word}");
    }
    for word in ["no/such:folder", "no-such@folder", "a/b://c", ":no"] {
        assert_eq!(kind(open(word, Look)), ErrorKind::NotFound, "{word}");
    }
    assert_eq!(kind(open_image("usb:BACKUP", Look)), ErrorKind::Usage);
    assert_eq!(kind(open_image("/", Look)), ErrorKind::Usage);
    assert_eq!(kind(open("disk:no-such-volume-6d1f", Look)), ErrorKind::NotFound);
    let stop = || true;
    let waited = wait_for("usb:no-such-volume-6d1f", Duration::from_secs(60), &stop);
    assert_eq!(kind(waited), ErrorKind::NotFound);
    wait_for("/some/folder", Duration::ZERO, &stop).unwrap();
    assert!(names_volume("usb:x") && names_volume("disk:x") && !names_volume("./usb:x"));
}
