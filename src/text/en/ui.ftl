ui-stage-survey = Looking at the disk
ui-stage-save = Saving
ui-stage-verify = Verifying
ui-stage-precheck = Checking the image
ui-stage-restore = Restoring
ui-stage-verify-target = Verifying the target
ui-stage-begins = { $stage }…
ui-progress-line = { $stage }: { $percent } %, { $done } of { $total }, { $rate }/s, { $left } left
ui-output-failed = Standard output cannot be written
ui-nobody-to-ask = This destroys something and must be confirmed, but there is no terminal to ask on
ui-nobody-to-ask-advice = Run it on a terminal, or add --yes once you are certain.
ui-not-confirmed = Not confirmed. Nothing was changed.
ui-serial = serial number { $serial }
ui-content-nothing = nothing known is on it
ui-content-used = { $used } of { $size } used
ui-content-partitions =
    { $count ->
        [one] { $count } partition
       *[other] { $count } partitions
    }
ui-column-partition = Partition
ui-partition-name = “{ $name }”
ui-partition-uuid = Partition { $number }: UUID { $uuid }
ui-volume-uuid = UUID { $uuid }
ui-column-type = Type
ui-column-content = Content
ui-column-label = Label
ui-column-size = Size
ui-column-used = Used
ui-column-extents = Extents
ui-column-note = Note
ui-column-name = Name
ui-column-created = Made
ui-column-disks = Disks
ui-column-stored = Stored
ui-column-condition = Condition
ui-firmware-bios = This machine was started by a BIOS.
ui-firmware-uefi = This machine was started by UEFI, Secure Boot is off.
ui-firmware-unknown = This machine was started by UEFI; whether Secure Boot is on cannot be told.
ui-firmware-secure-boot = This machine was started by UEFI, Secure Boot is on.
ui-no-disks = No disk was found.
ui-disk-facts = serial number { $serial }, WWN { $wwn }, sectors of { $logical } bytes ({ $physical } physical)
ui-disk-removable = removable
ui-disk-failing = WARNING: the disk says that it is failing (SMART). Save it first of all, and do not restore to it.
ui-disk-good = SMART: the disk sees no reason to worry
ui-whole = all of it
ui-whole-because = { $size } (whole: { $reason })
ui-skipped = not saved
ui-outside-partitions = outside partitions
ui-save-title = Save as "{ $name }" to { $destination }
ui-save-amount = To read: { $used }. Estimated image: { $estimated }. Free at the destination: { $free }.
ui-save-replaces = The image in { $directory } will be removed once the new one is complete and was read back.
ui-warning = Warning: { $warning }
ui-save-done = Saved: { $location } ({ $used } read, { $stored } stored, { $seconds } s)
ui-save-verified = Everything was read back from the medium and is sound.
ui-save-verified-part = What was saved was read back from the medium and is sound.
ui-save-not-verified = The image was not read back. Verify it before you rely on it.
ui-restore-title = Restore "{ $name }", made { $created }
ui-restore-target = { $disk } from the image ({ $size } to write) goes to { $target }
ui-restore-target-is = The target: { $identity }, { $size }
ui-plain-file = a plain file
ui-restore-target-has = On it now: { $content }
ui-restore-all-lost = EVERYTHING ON IT WILL BE LOST.
ui-restore-part-lost = Everything in these partitions will be lost; the table and the other partitions stay:
ui-restore-place = partition { $from } of the image into partition { $to }
ui-restore-place-whole = partition { $from } of the image into all of it
ui-restore-confirm = To overwrite { $target }, type { $word }
ui-restore-done = Restored "{ $name }": { $bytes } written in { $seconds } s
ui-restore-verified = Everything was read back from the target and is equal to the image.
ui-restore-not-verified = The target was not read back.
ui-no-images = There are no images here.
ui-condition-finished = complete
ui-condition-replaced = replaced by a newer one
ui-condition-unfinished = UNFINISHED
ui-condition-in-progress = being written now
ui-condition-incomplete = complete, but { $size } could not be read
ui-condition-damaged = DAMAGED
ui-condition-too-new = needs a newer Calco
ui-condition-unreadable = cannot be read
ui-show-facts =
    { $name }
    Where: { $location }
    Made: { $created }
    Computer: { $machine }
    In use: { $used }
    Stored: { $stored }
    Note: { $note }
    Command: { $command }
ui-show-not-verified = It was not read back when it was made.
ui-verify-sound = { $image }: sound ({ $files } files, { $chunks ->
        [one] { $chunks } chunk
       *[other] { $chunks } chunks
    }, { $stored })
ui-verify-quick = { $image }: its description is sound and every file is there; the contents were not read
ui-delete-what = To be deleted: { $location }
ui-delete-confirm = There is no way back. To delete it, type { $word }
ui-deleted = Deleted: { $location }
ui-prune-nothing = There is nothing to remove.
ui-prune-confirm =
    { $count ->
        [one] To remove what is left of it, type { $count }
       *[other] To remove what is left of all { $count }, type { $count }
    }
ui-job-no-lock = It cannot be found out whether another job is running
ui-job-elsewhere = Another job is running on this machine
ui-job-elsewhere-advice = Wait until it has ended; the menu of every console shows it.
ui-stage-copy = Copying
ui-copy-plan = Copy { $image } to { $location } ({ $stored })
ui-copy-there = This image is at the destination already ({ $location }); it is verified.
ui-copy-done = Copied and verified: { $location } ({ $stored }, { $seconds } s)
ui-column-copies = Copies
ui-images-in = In { $location }:
ui-yes = yes
