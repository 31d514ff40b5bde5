store-open-failed = The destination cannot be reached
store-open-advice = Name a folder that exists, on a file system that is mounted.
store-no-folder = The destination is not a folder
store-list-failed = The destination cannot be listed
store-no-image = There is no image of this name
store-create-failed = A file or folder could not be created at the destination
store-create-advice = Check that the destination can be written and has no file of this name.
store-delete-failed = A file or folder could not be removed
store-delete-advice = Is the medium write-protected, or may you not write there? `calco images` shows what is left.
    .menu = Is the medium write-protected, or may you not write there?
store-write-failed = The destination could not be written
store-full-advice = The destination is full, or cannot hold a file this large. Free some room or choose another destination; what was written so far is no image and can be removed with `calco prune DEST --unfinished`.
    .menu = The destination is full, or cannot hold a file this large. Free some room or choose another destination; what was written so far is no image and can be deleted in the menu: Images at a destination.
store-read-failed = A file of the image could not be read
store-no-plain-file = This is not a plain file
store-cut-short = The file ends before it should
store-no-thread = The system gives no thread for the connections to servers
store-no-resume = This destination cannot go on with a file
store-changed = The file at the destination is not the one that was begun
store-waiting = { $server } has not answered since { $since }: { $why }. It is waited for, at most { $minutes ->
    [one] one minute
   *[other] { $minutes } minutes
 }; nothing is lost meanwhile
store-back = { $server } is there again after { $seconds } s
store-gone = { $server } did not come back within { $minutes ->
    [one] one minute
   *[other] { $minutes } minutes
 }
store-gone-advice = What was stored there stays as an unfinished image. Look after the server and the cable, and start again; --wait MINUTES sets how long a server is waited for.
address-advice = An address looks like smb://USER@HOST/SHARE, nfs://HOST/EXPORT or sftp://USER@HOST/FOLDER; %20 stands for a space.
address-no-text = The address holds bytes that are no text
address-leads-outside = The path of the address leads out of its folder
address-port = "{ $port }" is no port of a server
address-host = The address names no server that could exist
address-user = The user in the address is empty or not possible there
address-password = A password has no place in an address: others see it in the list of processes
address-password-advice = Leave it out: it is asked for. Where nobody is there, use --password-file FILE, --credentials FILE or the variable CALCO_PASSWORD.
address-option = The address has an option that { $scheme } does not know
address-option-value = The option { $option } of the address has no possible value
address-bucket = The address of a bucket has no port: it belongs to the endpoint
address-share = The address names no share
address-no-scheme = No servers are reached in this way
credentials-unreadable = The file of credentials cannot be read
credentials-unreadable-advice = Name a text file of at most 1 MiB that you may read.
credentials-line = Line { $number } of the file of credentials means nothing
credentials-line-advice = Lines are KEY = VALUE with the keys user, password, key, passphrase, host-key, domain, access-key, secret-key and session-token, or [ADDRESS] for the places that begin so.
ssh-no-such-host = The name { $host } is not known
ssh-no-such-host-advice = Look for a typing error, and whether the network and its name server (DNS) work; the server's number instead of its name works without.
ssh-no-connection = There is no connection to { $server }
ssh-no-connection-advice = Look whether the server is on, its SSH service runs, and the cable is in; and whether the port is right.
ssh-no-answer = { $server } did not answer within { $seconds } seconds
ssh-key-question =
    { $server } was never seen before. Its key is
      { $fingerprint }
    Compare it with what the server's keeper says (ssh-keygen -lf on the server shows it). Type "yes" if it is the same:
ssh-key-not-accepted = The key of { $server } was not accepted; nothing was sent
ssh-key-unknown = The key of { $server } is not known, and nobody is there to compare it: { $fingerprint }
ssh-key-unknown-advice = If it is right, give it in advance: --host-key { $fingerprint }, or host-key = { $fingerprint } in the file of credentials.
ssh-key-changed = { $server } shows another key than it should: { $fingerprint }. This may be another machine that only pretends to be the server. Nothing was sent
ssh-key-changed-advice = If the server was set up anew, remove its old key from the known hosts (ssh-keygen -R HOST) or give the new one, and try again.
ssh-key-revoked = { $server } shows a key that is marked as revoked in the known hosts: { $fingerprint }. Nothing was sent
ssh-key-revoked-advice = A revoked key may be in wrong hands. Ask who runs the server for its new key.
ssh-key-locked = The private key needs a passphrase
ssh-key-unusable = The private key cannot be used
ssh-key-unusable-advice = Name a private key in OpenSSH's, PEM or PuTTY's form; its passphrase can stand in the file of credentials or in the variable CALCO_PASSPHRASE.
ssh-passphrase-question = Passphrase of the private key:
store-password-question = Password of { $user } on { $server }:
ssh-question = { $question }
ssh-not-let-in = { $server } does not let { $user } in: the password or key is wrong, or that user may not come in this way
ssh-not-let-in-advice = Write the user in the address, as in sftp://ana@nas/backup. The password is asked for; where nobody is there, use --password-file FILE, --ssh-key FILE, --credentials FILE or the variable CALCO_PASSWORD.
ssh-no-sftp = { $server } lets us in, but gives no access to files (SFTP)
ssh-no-sftp-advice = The server's keeper has to allow SFTP for this user.
store-web-authorities = The file of certificates cannot be used
store-web-authorities-advice = Name a file that holds at least one certificate in PEM form (-----BEGIN CERTIFICATE-----).
store-web-certificate = The server's certificate is not believed; nothing was sent
store-web-certificate-advice = Look whether the name is right and the clock of this machine too: it says { $now }. If the place has an authority of its own, give its certificate: --ca-file FILE.
store-web-no-host = the name is not known
store-web-no-host-advice = Look for a typing error, and whether the network and its name server (DNS) work; the server's number instead of its name works without.
store-web-silent = the server says nothing
store-web-nonsense = the server's answer means nothing
store-web-reach-advice = Look whether the server is on and its service runs, the cable is in, and host and port are right.
store-web-downgrade = The server leads from an encrypted connection to one that is not; it was not followed
store-web-address = The address cannot be used
store-web-login-advice = Look whether user and password, or access key and secret key, are right and allow this. They come from --credentials FILE, from the environment (for object storage AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY), or from the person who is asked.
store-web-no-ranges = The server gives whole files only
store-web-no-ranges-advice = The web server, or a proxy before it, has to allow requests for parts of files (Accept-Ranges) and tell their lengths. Otherwise download the image and restore it from there.
store-web-no-length = The server does not tell the length of the file
store-web-read-only = Images on a web server can only be read
store-web-read-only-advice = Save to a folder, a disk, nfs://, smb://, sftp:// or s3://.
store-web-no-list = A web server does not tell which images it has
store-web-no-list-advice = Name the image: https://HOST/FOLDER/IMAGE.
store-bucket-question = Secret key of { $key }:
store-bucket-no-secret = The secret key is missing, and nobody is there to be asked
store-bucket-missing-advice = Look for a typing error. Calco makes no buckets: who keeps the storage has to.
store-bucket-clock-advice = The clock of this machine or of the server is wrong. Set it and try again.
store-bucket-region-advice = Give the region of the bucket in the address: s3://BUCKET?region=NAME.
share-confused = The process that reaches the server does not do what it should
share-no-process = The process that reaches the server cannot be started
share-ended = The process that reaches the server has ended
share-silent = the server does not answer
share-mount-failed = The folder on the server cannot be mounted
share-no-folder = The folder on the server cannot be entered
share-no-folder-advice = Look for a typing error. The folder must exist, and this user must be able to enter it.
share-no-driver = This system has no driver for { $name }
share-old-kernel = This system is too old: Linux 5.11 or newer is needed
share-no-driver-advice = Use the live system, or mount the folder first and name where it is mounted.
share-no-connection-advice = Look whether the server is on, offers { $name }, and the cable is in; and whether the port is right.
share-no-export = { $server } has no export or folder { $path }
share-no-export-advice = Look for a typing error. On the server, `exportfs -v` or its settings show what it exports, and to whom: some servers hide from a machine what it may not have.
share-not-exported = { $server } does not let this machine have { $path }
share-not-exported-advice = The export has to be open to this machine ({ $own }), in /etc/exports or in the settings of the server.
share-no-version = { $server } and this system have no version of { $name } in common
share-no-version-advice = Versions that are spoken here: { $versions }. An address can ask for one: ?version=…
share-no-share = { $server } has no share { $share }
share-no-share-advice = Look for a typing error: the address is smb://USER@SERVER/SHARE/FOLDER.
share-no-guests = { $server } lets nobody into { $share } without a user
share-no-guests-advice = Write the user in the address: smb://USER@{ $server }/{ $share }.
share-not-let-in = { $server } does not let { $user } into { $share }: the password is wrong, or this user has no right to it
share-not-let-in-advice = A domain stands before the user: smb://DOMAIN;USER@SERVER/SHARE. The password is asked for; where nobody is there, use --password-file FILE, --credentials FILE or the variable CALCO_PASSWORD.
share-no-password = The password of { $user } on { $server } is missing, and nobody is there to be asked
