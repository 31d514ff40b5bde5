survey-found-in-gap = The { $size } without a partition from byte { $offset } on seem to hold { $kind }; they are saved whole
survey-raw = every byte was asked for
survey-unproven = only what is in use was asked for, although its reader has not been proven
name-unusable = "{ $name }" cannot be the name of an image
name-unusable-advice = Use letters, digits, spaces, dots and dashes, at most { $length } bytes, beginning with a letter or digit.
library-in-progress = The image is being written by another process now
library-keeps-older = It took the place of { $directory }, which stays, and so it stays too
library-unreadable = It cannot be read: { $reason }
library-in-use = Another process is reading or writing the image now
library-in-use-advice = Wait until that has ended, then give the command again.
library-has-dependent = The image cannot be deleted: { $dependent } refers to it
library-has-dependent-advice = Delete the images that refer to it first.
library-ambiguous =
    { $count } images could be meant by "{ $name }":
    { $list }
library-ambiguous-advice = Write what stands on the right of the one you mean.
library-not-unfinished = What was left of an unfinished save has become an image meanwhile; it stays
library-is-link = This is only a link: the image lies in { $target }
library-is-link-advice = To be rid of the link alone, remove it with rm. To delete the image, do it in the folder where it lies.
library-keeps-circle = It stays: it is said to be replaced by an image that it replaces itself
library-keeps-unreadable = It stays: the image that replaced it, in { $directory }, lacks what could not be read
library-keeps-unproven = It stays: the image that replaced it, in { $directory }, is not sound: { $why }
library-keeps-unverified = It stays: the image that replaced it, in { $directory }, was never read back. `calco delete` removes it
save-name-taken = There is an image named { $name } already
save-name-taken-advice = Choose another name with --name, or replace that image, once the new one is complete, with --replace.
    .menu = Go back and choose another name.
save-no-partition = The disk has no partition { $number } that can be saved
save-no-partition-advice = It has these: { $list }
save-split-too-small = The split size must be at least { $least }
save-split-too-large = The destination holds no file larger than { $largest }
save-index-too-long = The destination holds no file larger than { $largest }, and the index of { $disk } may need { $needed }
save-index-too-long-advice = Choose a destination whose file system takes larger files, or save fewer partitions at a time with --partitions.
    .menu = Choose a destination whose file system takes larger files. In expert mode, fewer partitions can be saved at a time.
save-no-room = There is not enough room: about { $needed } are needed, { $free } are free
save-no-room-advice = Free some room, choose another destination, or compress harder with --level.
    .menu = Free some room, or choose another destination. In expert mode it can be compressed harder.
save-little-room = The room may not be enough: about { $needed } are needed, { $free } are free
save-log-begin = Calco saves { $name }
save-log-end = Everything is stored; the manifest follows.
save-unreadable = { $size } of the disk could not be read and are zero in the image
save-unreadable-at = { $disk }: { $length } bytes at byte { $offset } cannot be read
save-untried =
    { $disk }: { $size } in bad areas were given up without trying every sector, because failed reads had taken { $minutes ->
        [one] one minute
       *[other] { $minutes } minutes
    } already. Some of it might still be readable.
save-comes-back =
    { $disk }: { $count ->
        [one] all else is stored; now the bad area is searched for what can be read
       *[other] all else is stored; now the { $count } bad areas are searched for what can be read
    }
save-interrupted-advice = There is no new image; earlier ones are untouched. `calco prune DEST --unfinished` removes what was stored so far.
    .menu = There is no new image; earlier ones are untouched. What was stored so far can be deleted in the menu: Images at a destination.
save-old-kept = The image that was replaced stays as { $image }, because the new one lacks what could not be read. Delete it yourself once you do not need it.
save-old-stays = The image that was replaced, { $image }, could not be removed: { $why }
save-old-unproven = The image that was replaced stays as { $image }, because the new one could not be looked at: { $why }. `calco prune DEST --unfinished` removes it once the new one proves to be sound.
    .menu = The image that was replaced stays as { $image }, because the new one could not be looked at: { $why }. Delete it yourself once the new one proves to be sound.
save-old-unverified = The image that was replaced stays as { $image }, because the new one was not read back. Delete it yourself once `calco verify` has found the new one sound.
    .menu = The image that was replaced stays as { $image }, because the new one was not read back. Delete it yourself once you have verified the new one.
save-unsound = The new image is not sound
save-unsound-advice = The image that it was to replace is untouched, in { $directory }. Do not trust this destination: check it, or choose another one, and save again.
save-name-lost = Another image took the name { $wanted } meanwhile; this one is called { $name }
save-name-unknown = Whether another image has the name { $wanted } could not be found out ({ $why }); this one is called { $name }
devices-and = { $first }; { $next }
devices-nothing = nothing
devices-source-in-use = The disk can change while it is read: { $uses }
devices-source-in-use-advice = Unmount it, or mount it read-only, and switch off its swap; or start the machine from Calco's own medium, where nothing of the disk runs.
devices-target-in-use = The target is in use: { $uses }
devices-target-holds-image = The target holds the image itself
devices-target-holds-image-advice = Choose another target, or copy the image to another disk first.
devices-target-runs-system = The running system lies on this disk
devices-target-is-calco = The target is the Calco medium that this computer was started from, or another one
devices-target-is-calco-advice = Choose another target.
devices-target-read-only = The target refuses to be written
devices-target-read-only-advice = Look for a write-protection switch on the stick or card; `blockdev --setrw` lifts the kernel's own protection.
devices-changed = The target is not the disk it was when the plan was shown
devices-changed-advice = Nothing was written. Start again and check which disk is meant.
restore-untouched = Nothing was written to the target.
restore-no-table = The target has no partition table, so it has no partition of this number
restore-no-table-advice = Restore the whole disk; or, if everything on the target may be overwritten with this one volume, name it with --place NUMBER=TARGET. If the target had a table once, do not write to it before that is looked into.
    .menu = Restore the whole disk, or choose a target that has partitions. If the target had a partition table once, do not write to it before that is looked into.
restore-not-whole = The image holds only some partitions of the disk, so it cannot make a whole disk
restore-not-whole-advice = Choose them with --partitions { $list }: they go into partitions that exist on the target.
    .menu = In expert mode, choose the partitions { $list }: they go into partitions that exist on the target.
restore-sector-size = The disk in the image has sectors of { $image } bytes, the target has { $target }
restore-sector-size-advice = A partition table counts in sectors, so the disk would not work. Choose a target with the same sector size.
restore-larger = { $target } is larger than the disk in the image: { $rest } at its end stay unused
restore-too-small = The target is too small: { $needed } are needed, it has { $there }, { $missing } are missing
restore-too-small-advice = Choose a larger target.
restore-no-partition = The image holds no partition { $number }
restore-no-partition-advice = It holds these: { $list }
restore-no-target-partition = The target has no partition { $number }
restore-no-target-partition-advice = It has these: { $list }. Restoring partitions does not change the table; make the partition first, or restore the whole disk.
restore-table-doubtful = The partition table of the target cannot be trusted: { $why }
restore-partition-too-small = The place for partition { $number } is too small: { $needed } are needed, it has { $there }, { $missing } are missing
restore-place-twice = Two partitions would go to the same place
restore-place-twice-advice = Each partition needs one of its own: name another target, or say with --place where each goes. A target without a partition table has room for one only.
    .menu = Each partition needs one of its own: choose another target, or say in the options where each goes. A target without a partition table has room for one only.
restore-disk-twice = One disk of the image cannot go to two targets at once
restore-disk-twice-advice = Give one target for each disk; restore again for another one.
devices-target-is-image = The target is a file of an image
devices-target-is-image-advice = Name another file; images are never written over.
restore-left-out = Nothing is restored of { $disk }, which is in the image too
restore-unreadable = { $size } of the source could not be read when the image was made; they will be zero
restore-differs = The target does not give back what was written to it
restore-differs-advice = The disk is probably failing, or its capacity is forged. What was restored to it is not usable and was made unrecognizable. Do not trust it; use another disk.
restore-carried = The target carries what { $name } holds already: it was restored to it before, or saved from it
restore-carried-advice = Nothing was written. What was done on it since then would be lost. To restore it all the same, add --again.
restore-kept-old =
    What the target was recognized by is kept in { $file }. As long as nothing else has been changed, this puts it back:
    { $commands }
restore-kept-header = # Calco: what a disk was recognized by before an image was restored to it. These commands put it back:
restore-keep-failed = What the target is recognized by could not be kept, so nothing was written to it
restore-keep-exists = There is such a file already, and nothing in it is overwritten
restore-keep-exists-advice = Name a new file with --keep-old.
restore-starts-next = The firmware starts it next: entry { $entry }, "{ $label }", { $path }
restore-no-boot-entry = The disk is restored, but the firmware of this machine was not told to start it ({ $why }). If the machine does not start from it, choose the disk in the menu of the firmware.
restore-incomplete-advice = The restore is not complete, so nothing on the target can be used yet. It can be restored again from the beginning.
restore-incomplete-partitions-advice = The restore is not complete, so the chosen partitions cannot be used yet; the others and the table are as they were. They can be restored again from the beginning.
copy-name-taken-advice = That is another image. Choose another name for the copy with --name, or delete that image if nobody needs it.
copy-no-room = There is not enough room for the copy: { $needed } are needed, { $free } are free
copy-no-room-advice = Free some room, or choose another destination.
copy-file-too-long = The destination holds no file larger than { $largest }, and one of the image has { $longest }
copy-file-too-long-advice = Choose a destination whose file system takes larger files, or save the disk again with --split.
