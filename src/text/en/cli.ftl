cli-heading-usage = Usage
cli-heading-commands = Commands
cli-heading-arguments = Arguments
cli-heading-options = Options
cli-no-signals = Ctrl-C cannot be caught; it will end the program at once.
cli-unknown-argument = There is no option { $argument } here
cli-unexpected-word = "{ $word }" is one word too many
cli-unknown-command = There is no command { $command }
cli-missing-argument = Something is missing: { $argument }
cli-missing-command = A command is missing
cli-missing-value = { $argument } needs a value
cli-invalid-value = { $argument } cannot be "{ $value }"
cli-not-a-number = it is not a whole number
cli-not-a-fingerprint = a fingerprint looks like SHA256:uNiVztksCsDhcc0u9e8BrIXLVVuRzaR…, as `ssh-keygen -lf` shows it
cli-repeated-argument = { $argument } cannot be used here, or not twice
cli-invalid-command = The command cannot be understood
cli-not-utf8 = "{ $word }" is not text in UTF-8: a name in it was written with another character set
cli-not-utf8-advice = Rename that file or folder, or make a link to it whose name is plain text and use the link.
cli-usage-advice = `calco --help` lists the commands; `calco COMMAND --help` explains one.
cli-generate-failed = Manual pages or completions could not be written
cli-not-a-size = "{ $text }" is not a size: write bytes, or a number with K, M, G or T
cli-not-partitions = "{ $text }" is not a list of partitions
cli-not-partitions-advice = Write numbers such as 1,3, with the name of the disk before them where there are several: sda:1,3
cli-not-an-image = "{ $word }" names no image
cli-partitions-of-which = It is not clear which disk "{ $text }" is about; the disks are: { $names }
cli-source-twice = The same disk is named twice
cli-unstable-name = "{ $word }" may be another disk after the next start, and nobody is asked
cli-unstable-name-advice = Name the disk by /dev/disk/by-id/…, id:… or serial:…, or leave out --yes and confirm.
cli-which-disk = It is not clear which disk of the image "{ $text }" is about; the image holds: { $names }
cli-which-disk-advice = Put the name of the disk before it, as in --to sda=/dev/sdb, --partitions sda:1,3 or --place sda:2=5
cli-not-a-place = "{ $text }" is not a place for a partition
cli-not-a-place-advice = Write --place 2=5 (into partition 5 of the target) or --place 2=/dev/sdb3
cli-placed-twice = Partition { $number } cannot go to two places
cli-target-unused = Nothing goes to { $target }: each chosen partition has a place of its own
cli-target-unused-advice = Leave out --to for this disk, or choose more partitions with --partitions.
cli-no-target = The target of the restore is missing
cli-no-target-advice = Name the target with --to, or a place for each partition with --place.
help-calco = Makes exact images of disks, verifies them, and puts them back
help-calco-after = Examples:
      calco disks
      calco save /dev/sda --to /mnt/usb --name office
      calco verify /mnt/usb/office
      calco restore /mnt/usb/office --to /dev/sdb

    Everything can be tried without a spare disk: a plain file that holds the bytes of a disk serves as source and as target.

    Exit codes: 0 success; 1 failed; 2 wrong usage; 3 the image is damaged; 4 done, but data could not be read; 5 refused for safety; 130 interrupted.
help-option-json = Print one JSON document on standard output
help-option-progress = How progress is shown on standard error: bar, lines, json, none, or auto (a bar on a terminal, lines elsewhere)
help-option-lang = Language of all texts, en or es; otherwise that of the environment
help-option-yes = Ask nothing; the disk must then be named so that it cannot be mistaken
help-option-dry-run = Show what would be done and stop
help-option-help = Show this help
help-option-version = Show the version
help-calco-disks = List the disks of this machine and what is on them
help-calco-map = Show which bytes of a disk are in use, or which an image holds, by volume
help-calco-map-argument-source = A disk, a plain file that holds one, or an image
help-calco-map-argument-unproven = Show what readers found that have not been proven on volumes made by their own system: HFS+
help-calco-save = Save disks as an image
help-calco-save-after = Only what is in use is stored, compressed and hashed; a volume whose used blocks cannot be read with certainty is stored whole. The source is never written to. There is no image until everything is stored and read back, so an interrupted save leaves nothing that looks like one.
help-calco-save-argument-sources = Disks: /dev/sda, a plain file, id:NAME, serial:NUMBER, internal,only
help-calco-save-argument-to = Where images are kept: a folder, or usb:NAME/FOLDER, disk:NAME/FOLDER for a volume by its label or UUID
help-calco-save-argument-name = Name of the image; otherwise host name or product, date and system
help-calco-save-argument-partitions = Only these partitions, as in sda:1,3; 1,3 is enough for a single disk. May be repeated
help-calco-save-argument-raw = Every byte, whether in use or not
help-calco-save-argument-unproven = Save only what is in use of HFS+ volumes too. Their reader has not been proven on enough volumes of Macs; without this option they are saved whole
help-calco-save-argument-level = Compression: none, fast, auto, or 1 to 19
help-calco-save-argument-split = Longest file of the image, such as 2G; otherwise 1 GiB
help-calco-save-argument-note = A text to remember what this image is for
help-calco-save-argument-replace = Replace the image of this name, once the new one is complete and was read back
help-calco-save-argument-no-verify = Do not read the image back from the medium
help-calco-restore = Restore an image to disks, or some of its partitions
help-calco-restore-after = The image is checked before anything is written. The target's table is destroyed first and written last, so an interrupted restore leaves a disk that does not pretend to be whole. With --partitions or --place the table and the other partitions stay as they are.
help-calco-restore-argument-image = The image: FOLDER/NAME, or usb:VOLUME/NAME, disk:VOLUME/NAME
help-calco-restore-argument-to = Where to: a disk, a partition or a plain file; NAME=TARGET for each disk of an image that holds several
help-calco-restore-argument-partitions = Only these partitions, into those of the same number on the target
help-calco-restore-argument-place = Where a partition goes: 2=5 into partition 5 of the target, 2=/dev/sdb3 into that one; sda:2=… where the image holds several disks. May be repeated
help-calco-restore-argument-repair-table = Make a damaged or differing copy of a GPT anew from the good one
help-calco-restore-argument-again = In an unattended run, restore to a target that carries this image already, by its partition table or volume; without it such a target is refused
help-calco-restore-argument-no-boot = In the live system, change nothing in the firmware: make no boot entry for what was restored, and do not let it start next
help-calco-restore-argument-keep-old = Keep the target's table, boot sectors and first and last mebibyte in this new file before anything is written, and show the commands that put them back
help-calco-restore-argument-no-precheck = Do not check the image before the first byte is written
help-calco-restore-argument-no-verify = Do not read the target back
help-calco-verify = Check every byte of images
help-calco-verify-argument-images = Images: FOLDER/NAME
help-calco-verify-argument-quick = Only what describes the image, and that every file is there
help-calco-images = List the images in one or several folders, and which of them have copies
help-calco-images-argument-destinations = Where images are kept: a folder, or usb:NAME/FOLDER, disk:NAME/FOLDER for a volume by its label or UUID
help-calco-show = Show what an image holds
help-calco-show-argument-image = The image: FOLDER/NAME, or usb:VOLUME/NAME, disk:VOLUME/NAME
help-calco-delete = Delete an image
help-calco-delete-argument-image = The image: FOLDER/NAME, or usb:VOLUME/NAME, disk:VOLUME/NAME
help-calco-prune = Remove what unfinished saves left behind
help-calco-prune-argument-destination = Where images are kept: a folder, or usb:NAME/FOLDER, disk:NAME/FOLDER for a volume by its label or UUID
help-calco-prune-argument-unfinished = Remove unfinished images, and replaced ones that were not removed; those that are read or written now stay
help-calco-generate = Write manual pages and shell completions
help-calco-generate-argument-folder = The folder to write them to
help-calco-menu = Show the menu: everything step by step, for people
help-calco-menu-argument-console = Name of this console, as the menus of others show it
help-calco-copy = Copy an image to a second destination
help-calco-copy-after = The copy is the same image, byte for byte, and counts only when all of it was read back from the medium. What was interrupted goes on where it stopped when the command is given again; where the copy is there already, it is verified. calco images FOLDER FOLDER tells which images have copies.
help-calco-copy-argument-image = The image: FOLDER/NAME, or usb:VOLUME/NAME, disk:VOLUME/NAME
help-calco-copy-argument-to = Where the copy is kept: a folder, or usb:NAME/FOLDER, disk:NAME/FOLDER for a volume by its label or UUID
help-calco-copy-argument-name = Name of the copy; otherwise that of the image
help-option-credentials = A file of users, passwords and keys for servers; may be repeated. ~/.config/calco/credentials and /etc/calco/credentials are always read
help-option-password-file = A file whose first line is the password for the server
help-option-ssh-key = A private key for a server that is reached through SSH
help-option-host-key = The fingerprint (SHA256:…) that an SSH server must show; may be repeated
help-option-ca-file = A file of certificates (PEM) of authorities that are believed besides those of the system
help-option-wait = How many minutes a server that went away is waited for; otherwise 30
