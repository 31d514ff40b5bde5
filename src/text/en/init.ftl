# The live system: start, consoles, unattended runs, shutdown.

# What the kernel's command line says.
init-parameter-unknown = { $word } on the kernel's command line is not understood and changes nothing

# Start.
init-started = Calco { $version } starts
init-table-failed = Not done at the start: { $line }
init-no-control = The menu cannot ask for anything (power, keyboard layout): { $why }
init-fault = Calco's first process has failed, and no menu can be started any more. A job that is running goes on: wait until it has ended, then switch the machine off with its button and start it again.
    What happened: { $what }

# Devices and their drivers.
init-loaded = Loaded { $modules } for { $alias }
init-load-failed = The driver { $file } could not be started: { $why }
init-devices-failed = Devices are no longer looked for: { $why }
init-no-modules = There are no drivers for this kernel: only what it has built in works
init-settled = { $count ->
    [one] All devices were found, { $count } driver loaded
   *[other] All devices were found, { $count } drivers loaded
}
init-disk-came = { $name } was plugged in
init-disk-went = { $name } was pulled out
init-no-efivars = The firmware's settings cannot be read: { $why }

# Consoles.
init-no-console = The console { $name } cannot be used: { $why }
init-no-font = The font { $file } could not be loaded: { $why }
init-no-keymap = There is no keyboard layout { $name } here
init-no-language = There is no language { $code } here
init-ended = { $name } ended unexpectedly: { $how }
init-ended-code = exit code { $code }
init-ended-signal = signal { $signal }
init-ended-unknown = for an unknown reason
init-menu-ended = { $seconds ->
    [one] The menu ended unexpectedly ({ $how }). It starts again in { $seconds } second. A job that it was carrying out has stopped too.
   *[other] The menu ended unexpectedly ({ $how }). It starts again in { $seconds } seconds. A job that it was carrying out has stopped too.
}
init-rescue-enter = Rescue shell. Press Enter to start it; Alt-F1 goes back to the menu.
init-rescue-started = Rescue shell: what is typed here is carried out at once. "exit" ends it, Alt-F1 goes back to the menu.

# Requests of the menu.
init-control-failed = The live system does not answer
init-control-not-understood = The request is not understood: { $why }

# The end.
init-shutdown = The system is being shut down
init-job-runs = A job is running on { $console }: { $job }. To cut it off all the same, do that once more (Ctrl-Alt-Del, the power button, reboot, poweroff) within { $seconds } seconds.
init-job-cut = This was cut off: { $job }. If it was a save, there is no image. If it was a restore, nothing on its target can be used: it must be restored again.
init-ending-processes = Ending what still runs…
init-processes-left = Some processes could not be ended
init-writing = Writing what is still in memory ({ $size })… Please leave disks and sticks plugged in.
init-writing-given-up = Not everything could be written to its disk: there was no progress any more
init-not-all-written = Not everything could be written to its disk or stick. What was saved last may be missing there: check that image before you rely on it.
init-unmount-failed = { $path }: { $why }
init-unmount-forced = { $path } is still in use and is taken away nevertheless
init-power-off = Everything is written. The machine switches itself off.
init-reboot = Everything is written. The machine starts again.
init-switch-off-now = The machine does not switch itself off: use its button now. Everything that could be written is written.

# Runs that nobody watches.
init-run = Unattended run: calco { $command }
init-run-waits = Waiting for disks to appear, { $seconds } seconds at most…
init-run-missing = { $name } did not appear within { $seconds } seconds
init-run-not-understood = The job on the kernel's command line is not understood: { $command }
init-run-not-understood-advice = Write calco.run="…" with the words that follow "calco" on the command line, such as calco.run="save id:ata-DISK_SERIAL --to usb:BACKUP".
init-run-quotes-advice = Only one word has arrived. If more was written, the quotes around all of it are missing: calco.run="{ $command } …".
init-run-not-started = The job could not be started
init-run-killed = The job ended unexpectedly: { $how }
init-run-succeeded = The unattended run is finished, without errors.
init-run-failed = THE UNATTENDED RUN FAILED: { $why }. The log has the details (/run/calco/log).
init-run-log-kept = The log was written to { $path }.
init-run-log-not-kept = The log could not be written to the destination
init-run-stays = Press Enter for the menu.
init-run-power-off = The machine switches itself off in { $seconds } seconds. Press Enter to stay and get the menu.
init-run-reboot = The machine starts again in { $seconds } seconds. Press Enter to stay and get the menu.
init-code-failed = it could not be done
init-code-usage = the command is not understood
init-code-damaged = the image is damaged
init-code-data-lost = some data could not be read and is missing
init-code-refused = it was refused, because something would be lost
init-code-interrupted = it was interrupted
init-run-incomplete = THE UNATTENDED RUN IS FINISHED, BUT NOT EVERYTHING IS THERE: { $why }. The log has the details (/run/calco/log).
