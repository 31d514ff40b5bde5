error-what = Error: { $what }
error-device = Where: { $device }
error-path = File: { $path }
error-offset = At byte: { $offset }
error-why = Why: { $why }
# The words of the operating system are English.
error-os = { $number ->
       *[other] { $text }
    }
error-advice = What to do: { $advice }
error-interrupted = Interrupted. Nothing more is written.
error-two-advices = { $first } { $second }
