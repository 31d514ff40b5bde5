# The menu.
menu-no-terminal = The menu needs a terminal to be shown on
menu-title = Calco { $version }
menu-welcome = What would you like to do? Nothing is changed on any disk before you were shown what will happen and said yes.
menu-save = Save disks (make an image)
menu-restore = Restore an image to a disk
menu-verify = Verify images
menu-disks = Show the disks of this computer
menu-images = Images at a destination (show, delete)
menu-language = Language / Idioma
menu-keyboard = Keyboard
menu-logs = Logs
menu-expert-on = Expert mode: off
menu-expert-off = Expert mode: on
menu-shell = Rescue shell
menu-reboot = Restart the computer
menu-power-off = Switch the computer off
menu-quit = Quit

menu-keys-move = Arrows: move
menu-keys-mark = Space: mark
menu-keys-choose = Enter: choose
menu-keys-page = PgUp/PgDn: read on
menu-keys-back = Esc: back
menu-keys-done = Enter: go on
menu-keys-return = Enter: return
menu-keys-stop = Ctrl-C: stop
menu-text-more =
    { $count ->
        [one] -- { $count } more line: Page Down --
       *[other] -- { $count } more lines: Page Down --
    }
menu-list-above = -- { $count } more above --
menu-list-below = -- { $count } more below --
menu-text-end = -- end of the text --
menu-text-place = -- up to line { $last } of { $count } --
menu-number = Number and Enter:
menu-number-back = Number and Enter, 0 to go back:
menu-numbers-back = Numbers (such as 1 or 1,3) and Enter, 0 to go back:
menu-more = -- Enter to go on --
menu-enter-keeps = Enter alone takes: { $value }
menu-dot-goes-back = A single dot goes back.
menu-blocked = Cannot be chosen: { $reason }
menu-error-title = That did not work
menu-go-on = Go on
menu-go-back = Go back
menu-yes = yes
menu-no = no
menu-default = as usual

menu-keyboard-text = Which keyboard is connected to this computer?
menu-keyboard-try = Try it: type some letters and signs, then press Enter. Nothing is kept.
menu-logs-own = What Calco did
menu-logs-kernel = The kernel's messages
menu-logs-copy = Copy both to a stick
menu-logs-copy-failed = The logs could not be copied
menu-logs-copied = Copied to { $place }: { $names }
menu-logs-empty = Nothing has been written yet.
menu-logs-unreadable = It cannot be read: { $why }
menu-shell-text = This is a shell with all rights. "exit" leads back to the menu.
menu-shell-failed = The shell { $shell } could not be run
menu-power-off-yes = Yes, switch it off now
menu-reboot-yes = Yes, restart it now
menu-power-job = A job is running on { $console }: { $job }. It would be cut off.
menu-ending = Please wait
menu-ending-text = The computer is being shut down.

menu-no-disks = No disk was found.
menu-no-medium = no medium
menu-disks-text = Enter shows everything that is known of a disk.
menu-disk-pending = being looked at…
menu-disk-empty-drive = there is no medium in this drive
menu-disk-in-use = { $use }
menu-disk-holds-image = the image is on this disk
menu-disk-is-calco = this is the Calco medium that the computer was started from, or another one
menu-type-path = Something else: type its path
menu-path-prompt = Path of a device or of a plain file that holds a disk:
menu-volume-used = { $used } used
menu-volume-whole = all of it, because: { $reason }
menu-place-folder = A folder of this system: type its path
menu-place-text-write = Choose where it should go. A stick or disk that you plug in now appears here by itself. Nothing is written before you say so.
menu-place-text-look = Choose where the image is. A stick or disk that you plug in now appears here by itself. Nothing on it is changed.
menu-place-looking = Looking for sticks and disks…
menu-place-none = No stick or disk that could hold images is there. Plug one in: it will appear here.
menu-place-is-source = it is on the disk that is to be saved
menu-place-external = on a disk that can be taken away
menu-place-internal = on a disk inside the computer
menu-place-opening = Opening the stick or disk
menu-place-which = On { $place }: in which folder?
menu-place-here =
    { $count ->
        [0] Here (no image so far)
        [one] Here ({ $count } image)
       *[other] Here ({ $count } images)
    }
menu-place-new = In a new folder
menu-place-new-prompt = Name of the new folder:
menu-place-new-wrong = "{ $name }" cannot be the name of a folder here.
menu-place-taken = There is a folder or an image "{ $name }" already.
menu-folder-prompt = Folder of the images:
menu-folder-missing = There is no folder { $path }

menu-save-disks = Save: which disk?
menu-save-disks-text = Choose the disk to save. It is only read, never changed. To put several disks into one image, mark them with the space bar.
menu-save-disks-text-numbers = Choose the disk to save. It is only read, never changed. To put several disks into one image, type their numbers with commas between them.
menu-save-place = Save: where to?
menu-save-name = Save: name of the image
menu-save-name-prompt = Name:
menu-save-name-text = Under this name you will find the image again. You can leave it as it is.
menu-name-taken = There is an image "{ $name }" already.
menu-name-other = Take another name
menu-name-replace = Replace it: it is removed once the new image is complete and was read back
menu-name-unfinished = An interrupted save of "{ $name }" lies there too; it is left as it is.
menu-outside = Save: who can get at the image?
menu-outside-text = Will this image leave the house, or can strangers get at the stick or disk that it is on?
menu-outside-no = No, it stays in safe hands
menu-outside-yes = Yes, that may happen
menu-outside-warning = This version of Calco cannot encrypt images yet. Whoever holds the image can read everything that is on the disk: documents, photos, stored passwords. Keep it where nobody else gets at it, or on an encrypted stick.
menu-outside-anyway = I understand. Save it without encryption
menu-planning = Looking at what has to be done
menu-save-plan = Save: this will happen
menu-save-start = Start saving now
menu-saving = Saving { $name }
menu-save-about = To { $to }. The disk is only read. Do not pull out the stick or disk before the end.
menu-saved = The disk is saved
menu-saved-part = Saved, but not everything could be read
menu-log-is-at = Log: { $path }
menu-same-command = The command that does the same without questions:
menu-back-to-menu = Back to the menu
menu-about-time = It takes about { $time } at { $rate }/s; slow sticks and disks need longer.

menu-images-at = Images in { $location }
menu-image-size = { $used } in use, { $stored } stored
menu-restore-place = Restore: where is the image?
menu-restore-image = Restore: which image?
menu-restore-target = Restore: to which disk?
menu-restore-target-text = The image holds { $disk } ({ $size }). EVERYTHING on the disk that you choose now will be replaced by it. Nothing happens before you confirm.
menu-restore-plan = Restore: this will happen
menu-restore-start = Go on to the last question
menu-restore-confirm = Restore: the last question
menu-restore-confirm-text = After this there is no way back: what is on the target will be lost. If you are not certain, press Esc.
menu-restore-confirm-wrong = Type { $word }, or press Esc to go back. Nothing was changed so far.
menu-restoring = Restoring { $name }
menu-restore-about = To { $to }. Do not switch off the computer before the end.
menu-restored = The image is restored
menu-restored-part = Restored, but some data is missing in the image
menu-verify-place = Verify: where is the image?
menu-verify-image = Verify: which image?
menu-verifying = Verifying { $name }
menu-verified = The image is sound
menu-verified-part = The image is sound, but some data is missing in it
menu-images-place = Images: where?
menu-image-show = Show what it holds
menu-image-verify = Verify it
menu-image-deleting = Deleting { $name }
menu-image-delete = Delete it

menu-settings = Options
menu-set-all = all
menu-set-same = each in its own place
menu-set-partitions = Partitions
menu-set-partitions-prompt = Numbers with commas between them, such as 1,3. With several disks: sda:1,3 sdb:2. Empty for all:
menu-set-raw = Every byte, whether in use or not
menu-set-level = Compression
menu-set-level-prompt = none, fast, auto, or 1 to 19:
menu-set-split = Longest file
menu-set-split-prompt = A size such as 2G; empty for 1 GiB:
menu-set-note = Note
menu-set-note-prompt = What should be remembered about this image?
menu-set-verify = Read everything back afterwards
menu-set-place = Where partitions go
menu-set-place-prompt = Such as 2=5 (into partition 5 of the target) or 2=/dev/sdb3, with spaces between several. Empty for each in its own place:
menu-set-repair-table = Repair a damaged copy of the partition table
menu-set-precheck = Check the image before anything is written

menu-stage-done = Done: { $stage }
menu-elapsed = Time of this step: { $time }
menu-amount = { $done } of { $total }
menu-amount-left = { $done } of { $total }, { $rate }/s, about { $left } left
menu-stop-title = Stop?
menu-stop-text = The work goes on while you think about it. If you stop a save, there will be no image. If you stop a restore, the target disk will be empty and must be restored again.
menu-stop-no = No, go on
menu-stop-yes = Yes, stop now
menu-stopping = Stopping…
menu-other-console = This job was started on { $console }. Only one job can run at a time.
menu-copying = Copying { $name }
menu-network = The network
menu-network-text = Cables are found by themselves, and addresses are asked for (DHCP). Where nobody gives any, give one yourself: ask whoever looks after the network.
menu-network-give = Give an address by hand
menu-network-ask = Ask for addresses by DHCP again, everywhere
menu-network-which = Which cable? An interface that shows an address works already.
menu-network-address = Address of this computer with the length of its network's prefix, such as 192.168.1.20/24 (IPv6 too; several with spaces):
menu-network-address-empty = Type an address, such as 192.168.1.20/24, or press Esc.
menu-network-gateway = Gateway, the way to other networks. Empty if there is none:
menu-network-servers = Name servers (DNS), with spaces between several. Empty if there are none:
menu-network-vlan = Number of the tagged network (VLAN). Empty if the cable has none, as most often:
menu-network-use = Use it now
menu-network-same = The network is set up anew. The same from the start, on the kernel's command line: { $words }
menu-network-job = { $job } runs on { $console }. If it uses the network, it has to wait for it.
menu-network-names = Name servers: { $servers }
menu-place-guided = A folder on a server: question by question
menu-guided-text = What kind of server is it? Whoever looks after it knows.
menu-guided-smb = A share of Windows, Samba or a NAS (SMB)
menu-guided-nfs = An NFS server
menu-guided-sftp = A server reached through SSH (SFTP)
menu-guided-s3 = Object storage (S3)
menu-guided-https = A web server, to restore from it
menu-guided-server = Name or address of the server (a port after a colon, if it is not the usual one):
menu-guided-endpoint = Address of the service, such as https://storage.example:9000. Empty for Amazon:
menu-guided-share = Share, and the folder in it, such as backup/images:
menu-guided-bucket = Bucket, and the folder in it, such as backup/images:
menu-guided-folder = Folder, such as srv/images. Empty for the top of the server:
menu-guided-image = Folder and name of the image, such as images/laptop:
menu-guided-user-smb = User, with the domain in front if there is one, such as LAB\ana. Empty for guest:
menu-guided-user = User:
menu-guided-empty = Type something, or press Esc to go back.
menu-place-server = A folder on a server: type its address
menu-server-prompt = Address of the folder:
menu-server-text =
    smb://USER@SERVER/SHARE  a share of Windows, Samba or a NAS
    nfs://SERVER/EXPORT  an NFS server; nfs://SERVER/ shows what it has
    sftp://USER@SERVER/FOLDER  a server reached through SSH
    s3://BUCKET/FOLDER?endpoint=https://SERVER  object storage
    https://SERVER/FOLDER/IMAGE  an image on a web server, to restore it
    The password is asked for next; it does not belong into the address.
menu-server-none = This is no address of a server. It begins with smb://, nfs://, sftp://, s3:// or https://.
menu-server-connecting = Connecting to the server
