#!/usr/bin/env bash
# Builds and tests Calco on Debian 12 and 13. `./build.sh help` tells how to use it.
# shellcheck disable=SC2317 # commands are called by name: "command_$command"
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly TARGET=x86_64-unknown-linux-musl
readonly OUT=out
readonly BINARY=$OUT/calco
readonly BINARY_BUDGET=$((12 << 20)) # bytes
readonly ISO=$OUT/calco.iso
readonly CONTENTS=$OUT/calco.cdx.json
readonly CACHE=cache
readonly MOTO_VERSION=5.2.5
readonly MADE=target/live # what the live system is made of, on the way
INSTALL=yes
UPDATE=
KERNEL=debian
FIRMWARE=
RUN_OPTIONS=()

# mkfs and sfdisk live in sbin, which is not on the PATH of an ordinary user.
export PATH="$PATH:$HOME/.cargo/bin:/usr/sbin:/sbin"

usage() {
  cat <<'EOF'
Usage: ./build.sh [OPTION…] [COMMAND]

Commands
  all                  everything: the ISO, the files to start from a network, the binary (default)
  run                  boot the ISO in QEMU, with a sample disk to save, a stick and an empty disk
  binary               only the static binary, its man pages and shell completions
  test                 everything that is checked before a change is accepted
  test --full          and in virtual machines, with every way to save and restore a real system; takes
                       hours, can be resumed
  check-reproducible   build the last commit once more, elsewhere, and compare
  fuzz TARGET SECONDS  look for input that a parser does not survive
  bench [FILTER]       measure our own parts
  bench compare        measure against partclone and zstd; as root
  clean                remove what was built
  help                 this text

Options
  --no-install         do not install Debian packages: name those that are missing and stop
  --update             take newer Debian packages into the live system, if there are any
  --firmware           add firmware of network cards (not free software) to the live system
  --kernel KIND        debian: signed, for Secure Boot (default); custom: built here, unsigned

Options of run
  --uefi, --bios       the firmware of the virtual machine: UEFI with Secure Boot, or BIOS (default)
  --graphic            in a window, not in this terminal
  --fresh              with new disks

What is made is in out/. Missing Debian packages are installed without asking, as root or by sudo.
EOF
}

# --- Debian packages -----------------------------------------------------------------------------

declare -rA REASON=(
  [ca-certificates]="lets cargo check the registry's certificate"
  [gcc]="links programs and compiles the C part of zstd"
  [g++]="compiles libFuzzer"
  [libc6-dev]="links programs of this machine: build scripts and tests"
  [rustc-web]="the Rust compiler"
  [cargo-web]="fetches and builds crates"
  [rust-web-src]="Rust's standard library as source, to build it for musl"
  [rustfmt-web]="checks the formatting"
  [rust-web-clippy]="checks the code for common mistakes"
  [musl-tools]="the C library of the static binary"
  [python3]="lists what is in the live system; runs the comparison"
  [zstd]="compresses the live system, and what we are compared with"
  [debian-archive-keyring]="tells that packages for the live system are Debian's"
  [kmod]="finds out which kernel modules need which (depmod)"
  [kbd]="compiles keyboard layouts (loadkeys)"
  [perl]="runs Debian's compiler of keyboard layouts"
  [libarchive-tools]="packs the live system (bsdtar)"
  [xz-utils]="compresses firmware"
  [make]="builds the kernel (--kernel custom)"
  [bc]="builds the kernel (--kernel custom)"
  [bison]="builds the kernel (--kernel custom)"
  [flex]="builds the kernel (--kernel custom)"
  [libelf-dev]="builds the kernel (--kernel custom)"
  [libssl-dev]="builds the kernel (--kernel custom)"
  [qemu-system-x86]="boots the live system in a virtual machine"
  [qemu-system-gui]="shows the virtual machine in a window (run --graphic)"
  [debootstrap]="makes the real system that is saved, restored and booted by the tests"
  [ovmf]="UEFI and Secure Boot for virtual machines"
  [grub-common]="makes the boot menu (grub-mkimage)"
  [grub-pc-bin]="the boot menu under BIOS"
  [shellcheck]="checks the shell scripts"
  [e2fsprogs]="makes and judges ext file systems for the tests"
  [dosfstools]="makes the ISO's EFI partition; makes and judges FAT file systems for the tests"
  [mtools]="fills the ISO's EFI partition, and FAT file systems for the tests"
  [util-linux]="makes swap areas and detects file systems for the tests"
  [fdisk]="makes partition tables for the tests (sfdisk)"
  [gdisk]="makes and judges GUID partition tables for the tests (sgdisk)"
  [partclone]="tells which blocks it calls used, to compare with"
  [xfsprogs]="makes and judges XFS file systems for the tests"
  [btrfs-progs]="makes and judges btrfs file systems for the tests"
  [ntfs-3g]="makes, fills and judges NTFS file systems for the tests"
  [exfatprogs]="makes and judges exFAT file systems for the tests"
  [exfat-fuse]="fills exFAT file systems for the tests"
  [f2fs-tools]="makes, fills and judges f2fs file systems for the tests"
  [jfsutils]="makes JFS file systems that must be recognised"
  [reiserfsprogs]="makes reiserfs file systems that must be recognised"
  [nilfs-tools]="makes nilfs2 file systems that must be recognised"
  [bcache-tools]="makes bcache devices that must be recognised"
  [udftools]="makes UDF file systems that must be recognised"
  [apfsprogs]="makes APFS file systems that must be recognised"
  [makefs]="makes UFS file systems that must be recognised"
  [cryptsetup-bin]="makes LUKS volumes that must be recognised"
  [lvm2]="makes LVM volume groups that must be read through"
  [thin-provisioning-tools]="makes and judges the metadata of thin pools for the tests"
  [mdadm]="judges the superblocks of RAID members that must be read through"
  [squashfs-tools]="makes squashfs images that must be read"
  [erofs-utils]="makes EROFS images that must be read"
  [xorriso]="makes the ISO, and images that must be recognised"
  [genisoimage]="makes ISO 9660 and HFS images that must be recognised"
  [openssh-server]="the server that tests of SFTP destinations speak to, on loopback"
  [openssh-client]="makes keys for that server (ssh-keygen)"
  [openssl]="makes passwords and certificates for servers of tests; fills the disk of the comparison"
  [nginx-light]="the web server that tests of HTTP destinations speak to, on loopback"
  [nfs-ganesha]="the NFS server that virtual machines save to, on loopback"
  [nfs-ganesha-vfs]="lets that server show a folder"
  [samba]="the SMB server that virtual machines save to, on loopback"
  [python3-venv]="keeps the server of object storage for the tests"
  [parted]="makes partition tables for the tests"
  [mount]="mounts and loop devices for the tests (losetup, mount, swapon)"
)
readonly HOST_PACKAGES=(ca-certificates gcc libc6-dev)
readonly HOST_RUST_PACKAGES=(rustc-web cargo-web)
readonly CHECK_RUST_PACKAGES=(rustfmt-web rust-web-clippy)
readonly MUSL_RUST_PACKAGES=(rustc-web cargo-web rust-web-src)
readonly LIVE_PACKAGES=(debian-archive-keyring kmod kbd perl libarchive-tools zstd xz-utils
  python3 grub-common grub-pc-bin xorriso mtools dosfstools)
readonly KERNEL_PACKAGES=(gcc libc6-dev make bc bison flex libelf-dev libssl-dev)
readonly RUN_PACKAGES=(qemu-system-x86 ovmf e2fsprogs dosfstools mtools exfatprogs fdisk util-linux)
readonly TEST_PACKAGES=(shellcheck e2fsprogs dosfstools mtools util-linux mount fdisk gdisk parted
  partclone xfsprogs btrfs-progs ntfs-3g exfatprogs exfat-fuse f2fs-tools jfsutils reiserfsprogs nilfs-tools
  bcache-tools udftools apfsprogs makefs cryptsetup-bin lvm2 thin-provisioning-tools mdadm squashfs-tools
  erofs-utils xorriso genisoimage openssh-server openssh-client openssl nginx-light python3-venv nfs-ganesha
  nfs-ganesha-vfs samba qemu-system-x86 ovmf debootstrap)

is_installed() {
  dpkg-query --show --showformat='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif [ -t 2 ] && ! sudo -n true 2>/dev/null; then
    sudo "$@" # asks for the password
  else
    sudo -n "$@"
  fi
}

# Installs the packages that are missing, and says which and why.
need_packages() {
  local package missing=()
  for package; do
    is_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "Debian packages that are missing:"
  for package in "${missing[@]}"; do
    printf '  %-18s %s\n' "$package" "${REASON[$package]}"
  done
  local command="apt-get install --no-install-recommends ${missing[*]}"
  [ "$INSTALL" = yes ] || die "not installed because of --no-install. As root: $command"
  install_packages "${missing[@]}" || die "they could not be installed. As root: $command"
}

# Servers among them are not started: only the tests start some, on loopback.
install_packages() {
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300)
  local policy=/usr/sbin/policy-rc.d result=0
  as_root "${apt[@]}" update </dev/null || return
  if [ -e "$policy" ]; then
    policy=
  else
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod +x "$policy"
  fi
  as_root "${apt[@]}" install --no-install-recommends "$@" </dev/null || result=$?
  [ -z "$policy" ] || as_root rm -f "$policy"
  return "$result"
}

# --- Rust toolchains -----------------------------------------------------------------------------

# Whether the cargo on PATH is there and new enough for Cargo.toml, with the named subcommands.
cargo_suffices() {
  local needed have subcommand
  needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
  have=$(rustc --version 2>/dev/null | cut -d' ' -f2) || return 1
  printf '%s\n' "$needed" "$have" | sort --version-sort --check=quiet || return 1
  for subcommand; do
    cargo "$subcommand" --version >/dev/null 2>&1 || return 1
  done
}

# Makes `cargo` the one that builds for this machine, with the named subcommands (fmt, clippy).
need_host_cargo() {
  need_packages "${HOST_PACKAGES[@]}"
  if ! cargo_suffices "$@"; then
    [ $# -eq 0 ] || need_packages "${CHECK_RUST_PACKAGES[@]}"
    need_packages "${HOST_RUST_PACKAGES[@]}"
    export PATH="/usr/bin:$PATH"
    cargo_suffices "$@" || die "Rust $(rustc --version | cut -d' ' -f2) is too old"
  fi
}

has_musl_target() {
  cargo_suffices &&
    compgen -G "$(rustc --print sysroot)/lib/rustlib/$TARGET/lib/libstd-*.rlib" >/dev/null
}

# Joins compiler flags the way cargo reads them, so that paths may hold spaces.
encode_flags() {
  local IFS=$'\x1f'
  echo "$*"
}

# Flags of every release build: no path of this machine in the binary.
path_flags() {
  echo "--remap-path-prefix=$PWD=calco"
  echo "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo"
}

build_with_musl_target() {
  local flags
  RUST_VERSION=$(rustc --version)
  mapfile -t flags < <(path_flags)
  CARGO_ENCODED_RUSTFLAGS=$(encode_flags "${flags[@]}") \
    CC_x86_64_unknown_linux_musl=musl-gcc \
    cargo build --locked --release --package calco --target "$TARGET"
}

# Debian has no standard library for musl, so it is built too: without unwinding, since a panic
# aborts, because Debian's unwinders need glibc. What is left of its name is an empty archive.
build_with_debian() {
  local flags libraries=$PWD/target/no-unwinder
  RUST_VERSION=$(PATH="/usr/bin:$PATH" rustc --version)
  mkdir -p "$libraries"
  ar crs "$libraries/libunwind.a"
  mapfile -t flags < <(path_flags)
  flags+=(-Clink-self-contained=no -Crelocation-model=static "-Lnative=$libraries")
  PATH="/usr/bin:$PATH" RUSTC_BOOTSTRAP=1 \
    CARGO_ENCODED_RUSTFLAGS=$(encode_flags "${flags[@]}") \
    CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER=musl-gcc \
    CC_x86_64_unknown_linux_musl=musl-gcc \
    cargo build --locked --release --package calco --target "$TARGET" \
    -Zbuild-std=std,panic_abort -Zbuild-std-features=
}

build_binary() {
  need_packages "${HOST_PACKAGES[@]}" musl-tools
  if has_musl_target; then
    build_with_musl_target
  else
    need_packages "${MUSL_RUST_PACKAGES[@]}"
    build_with_debian
  fi
  mkdir -p "$OUT"
  cmp -s "target/$TARGET/release/calco" "$BINARY" ||
    install -m 755 "target/$TARGET/release/calco" "$BINARY"
  check_binary
  write_man_pages_and_completions
}

check_binary() {
  if readelf --program-headers --dynamic "$BINARY" | grep -E 'INTERP|\(NEEDED\)'; then
    die "$BINARY is not static"
  fi
  local size
  size=$(stat --format=%s "$BINARY")
  [ "$size" -le "$BINARY_BUDGET" ] ||
    die "$BINARY is $size bytes, over its budget of $BINARY_BUDGET"
}

write_man_pages_and_completions() {
  rm -rf "$OUT/man" "$OUT/completions"
  "$BINARY" generate "$OUT"
}

# --- The live system -----------------------------------------------------------------------------

# Everything that is dated gets the date of the commit, so that a second build gives the same bytes.
set_date() {
  SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 1000000000)}
  export SOURCE_DATE_EPOCH
}

fetch_debian() {
  live/fetch "$CACHE" "$1" ${UPDATE:+--update}
}

# What was built: KEY=value.
describe_release() {
  echo "VERSION=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)"
  echo "COMMIT=$(git describe --always --dirty 2>/dev/null || echo unknown)"
  echo "KERNEL=$1"
  echo "BUILT_FROM=Debian 13"
}

# The ISO, the files to start from a network, and the list of what is in them.
build_live() {
  need_packages "${LIVE_PACKAGES[@]}"
  set_date
  mkdir -p "$OUT" "$MADE"
  fetch_debian live
  fetch_debian boot
  local debian=$CACHE/live/root boot=$CACHE/boot/root kernel classes=(live boot) firmware=()
  if [ "$KERNEL" = custom ]; then
    need_packages "${KERNEL_PACKAGES[@]}"
    fetch_debian kernel-source
    kernel-config/build "$CACHE" "$debian" "$MADE/debian"
    debian=$MADE/debian
  fi
  if [ -n "$FIRMWARE" ]; then
    fetch_debian firmware
    classes+=(firmware)
    firmware=("$CACHE/firmware/root")
  fi
  kernel=$(basename "$debian"/usr/lib/modules/*)
  kernel-config/check "$debian/boot/config-$kernel" || die "the kernel $kernel lacks what Calco needs"
  describe_release "$kernel" >"$MADE/calco-release"
  cp "$debian/boot/vmlinuz-$kernel" "$MADE/vmlinuz"
  echo "Packing the live system"
  initramfs/build "$BINARY" "$debian" "$kernel" "$MADE" "$MADE/initramfs" "${firmware[@]}"
  boot/build-iso "$MADE/vmlinuz" "$MADE/initramfs" "$boot" "$MADE" "$ISO"
  boot/build-pxe "$MADE/vmlinuz" "$MADE/initramfs" "$boot" "$OUT/pxe"
  RUST_VERSION=$RUST_VERSION live/contents "$CACHE" "$CONTENTS" "$MADE/calco-release" "${classes[@]}"
  live/check "$ISO" ${FIRMWARE:+--firmware} || die "$ISO is not as it must be"
}

# --- Commands ------------------------------------------------------------------------------------

step() {
  printf '\n=== %s\n' "$*"
}

human() {
  numfmt --to=iec-i --suffix=B "$1"
}

die() {
  echo "build.sh: $*" >&2
  exit 1
}

summary() {
  local folder
  echo
  echo "Made from $(git describe --always --dirty 2>/dev/null || echo 'no commit'):"
  echo "  $BINARY  $("$BINARY" --version), static, $(human "$(stat --format=%s "$BINARY")")" \
    "of at most $(human "$BINARY_BUDGET")"
  for folder in man completions; do
    echo "  $OUT/$folder/  $(find "$OUT/$folder" -type f | wc -l) files"
  done
  echo "Try it:  $BINARY --help"
}

summary_live() {
  local file
  echo "  $ISO  $(human "$(stat --format=%s "$ISO")")" \
    "of at most 64MiB without firmware: CD and USB stick, BIOS and UEFI"
  for file in vmlinuz initramfs; do
    echo "  $OUT/pxe/$file  $(human "$(stat --format=%s "$OUT/pxe/$file")")"
  done
  echo "  $OUT/pxe/  to start from a network: see its README.txt"
  echo "  $CONTENTS  what is in it, with versions and licences"
  if [ "$KERNEL" = custom ]; then
    echo "Secure Boot must be off: this kernel was built here and nobody signed it."
  fi
  cat <<TEXT
Try it:  ./build.sh run
Write it to a USB stick. Everything on the stick is lost, so be sure which one it is: lsblk shows
sizes and models, and the name below must be that of the whole stick (sdb, not sdb1).
  sudo dd if=$ISO of=/dev/NAME-OF-THE-STICK bs=4M oflag=direct conv=fsync status=progress
TEXT
}

command_all() {
  build_binary
  build_live
  summary
  summary_live
}

command_run() {
  need_packages "${RUN_PACKAGES[@]}"
  [[ " ${RUN_OPTIONS[*]} " != *" --graphic "* ]] || need_packages qemu-system-gui
  build_binary
  if [ ! -e "$ISO" ] || [ -n "$(find "$BINARY" initramfs boot live kernel-config -newer "$ISO")" ]; then
    build_live
  fi
  qemu/run "$ISO" target/run "${RUN_OPTIONS[@]}"
}

# Builds the last commit in a folder of its own, and compares.
command_check-reproducible() {
  local folder file same=yes
  folder=$(mktemp --directory --tmpdir calco-again-XXXXXX)
  # shellcheck disable=SC2064 # now, not then
  trap "rm -rf '$folder'" EXIT
  [ -z "$(git status --porcelain)" ] || die "there are changes that are not committed"
  command_all
  git clone --quiet --no-hardlinks . "$folder/calco"
  mkdir -p "$CACHE"
  ln -s "$PWD/$CACHE" "$folder/calco/$CACHE"
  step "Once more, in $folder/calco"
  (cd "$folder/calco" && ./build.sh --kernel "$KERNEL" ${FIRMWARE:+--firmware} all)
  step "Comparing"
  while read -r file; do
    if cmp "$file" "$folder/calco/$file"; then
      echo "  same  $file"
    else
      same=no
    fi
  done < <(find "$OUT" -type f | LC_ALL=C sort)
  [ "$same" = yes ] || die "two builds of one commit differ"
}

command_binary() {
  build_binary
  summary
}

# The server of object storage that tests speak to.
prepare_s3_server() {
  local folder=$PWD/$CACHE/moto-$MOTO_VERSION
  if [ ! -e "$folder/complete" ]; then
    step "Server of object storage for the tests"
    rm -rf "$folder"
    /usr/bin/python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check "moto[server]==$MOTO_VERSION"
    touch "$folder/complete"
  fi
  export CALCO_S3_SERVER=$folder/bin/moto_server
}

command_test() {
  need_packages "${TEST_PACKAGES[@]}" "${RUN_PACKAGES[@]}"
  need_host_cargo fmt clippy
  step "Shell scripts"
  shellcheck build.sh .ci/run fuzz/make-corpus kernel-config/{build,check} live/{fetch,check} \
    initramfs/{build,choose-modules} boot/build-{iso,pxe} qemu/{acceleration,run,fixtures/debian}
  step "Formatting"
  cargo fmt --all --check
  # Linking the static binary takes one processor for minutes: the check of the sources has the
  # other one meanwhile.
  step "Clippy, beside the static binary"
  mkdir -p target
  local found=target/clippy.log checking
  # The fuzz targets are checked, not linked, so libFuzzer itself need not be compiled.
  CUSTOM_LIBFUZZER_PATH=/nowhere/libfuzzer.a \
    cargo clippy --locked --workspace --all-targets --features calco-fuzz/engine -- -D warnings \
    >"$found" 2>&1 &
  checking=$!
  build_binary
  if ! wait "$checking"; then
    cat "$found"
    die "Clippy has objections"
  fi
  step "Live system"
  build_live
  summary
  summary_live
  prepare_s3_server
  step "Tests"
  if [ "${1:-}" = --full ]; then
    export CALCO_TEST_FULL=1
  fi
  # Those in virtual machines come last; they wait for each other.
  if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --locked --workspace --no-fail-fast \
      --filterset 'not (package(calco-vmtest) & binary(live))'
  else
    cargo test --locked --workspace --exclude calco-vmtest --no-fail-fast
  fi
  step "Real systems for the tests in virtual machines"
  as_root qemu/fixtures/debian "$CACHE"
  step "Tests in virtual machines"
  # Every change has to go through a system by BIOS and one by Secure Boot; `--full` runs the rest.
  local machines=systems::
  if [ "${1:-}" = --full ]; then
    machines=
  fi
  CALCO_REQUIRE_LIVE=1 cargo test --locked --workspace --test live -- --test-threads="$(nproc)" "$machines"
  if [ "${1:-}" = --full ]; then
    step "Every way to save and restore a real system"
    cargo run --locked --quiet --package calco-vmtest --bin matrix
  fi
}

# Coverage for libFuzzer. No sanitizer: the parsers are safe Rust, and without one it is faster.
fuzz_flags() {
  printf '%s\n' --cfg=fuzzing -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cllvm-args=-simplifycfg-branch-fold-threshold=0
}

command_fuzz() {
  if [ $# -ne 2 ] || [ ! -d "fuzz/corpus/$1" ]; then
    die "usage: ./build.sh fuzz TARGET SECONDS, TARGET being one of: $(ls -x -w 1000 fuzz/corpus)"
  fi
  local target=$1 seconds=$2 flags found=target/fuzz/corpus/$1 failures=fuzz/artifacts/$1
  need_packages g++
  need_host_cargo
  mkdir -p "$found" "$failures"
  mapfile -t flags < <(fuzz_flags)
  CARGO_ENCODED_RUSTFLAGS=$(encode_flags "${flags[@]}") cargo build --locked --profile fuzz \
    --package calco-fuzz --features engine --bin "$target" \
    --target x86_64-unknown-linux-gnu --target-dir target/fuzz
  "target/fuzz/x86_64-unknown-linux-gnu/fuzz/$target" "$found" "fuzz/corpus/$target" \
    -max_total_time="$seconds" -max_len=65536 -timeout=20 -rss_limit_mb=1024 \
    -artifact_prefix="$failures/" -print_final_stats=1 </dev/null
}

command_bench() {
  need_host_cargo
  if [ "${1:-}" = compare ]; then
    need_packages python3 zstd partclone e2fsprogs fdisk
    cargo build --locked --release
    benches/compare "${@:2}"
  else
    cargo bench --locked -- "$@"
  fi
}

command_clean() {
  rm -rf "$OUT" target
}

main() {
  local words=()
  while [ $# -gt 0 ]; do
    case "$1" in
      --no-install) INSTALL=no ;;
      --update) UPDATE=yes ;;
      --firmware) FIRMWARE=yes ;;
      --kernel)
        KERNEL=${2:-}
        [ "$KERNEL" = debian ] || [ "$KERNEL" = custom ] || die "--kernel needs debian or custom"
        shift
        ;;
      --full) words+=("$1") ;;
      --uefi | --bios | --graphic | --fresh) RUN_OPTIONS+=("$1") ;;
      -h | --help) words=(help) && break ;;
      -*) usage >&2 && die "unknown option $1" ;;
      *) words+=("$1") ;;
    esac
    shift
  done
  local command=${words[0]:-all}
  words=("${words[@]:1}")
  case "$command" in
    fuzz | bench) ;;
    help | all | run | binary | check-reproducible | test | clean)
      [ "${words[*]}" = "" ] || [ "$command ${words[*]}" = "test --full" ] ||
        die "$command takes no further words: ${words[*]}"
      ;;
    *) usage >&2 && die "unknown command $command" ;;
  esac
  [ ${#RUN_OPTIONS[@]} -eq 0 ] || [ "$command" = run ] ||
    die "${RUN_OPTIONS[*]}: an option of run alone, not of $command"
  case "$command" in
    help) usage ;;
    *) "command_$command" "${words[@]}" ;;
  esac
  # Here, so that nothing more is read from this file, which may have changed meanwhile.
  exit
}

main "$@"
