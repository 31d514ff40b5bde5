ui-stage-survey = Looking at the disk
ui-stage-save = Saving
ui-stage-verify = Verifying
ui-stage-precheck = Checking the image
ui-stage-restore = Restoring
ui-stage-verify-target = Verifying the target
