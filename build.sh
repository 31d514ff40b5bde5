#!/usr/bin/env bash
# Builds and tests Calco on Debian 12 and 13. `./build.sh help` tells how to use it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly TARGET=x86_64-unknown-linux-musl
readonly OUT=out
readonly BINARY=$OUT/calco
readonly BINARY_BUDGET=$((12 << 20)) # bytes
INSTALL=yes

# mkfs and sfdisk live in sbin, which is not on the PATH of an ordinary user.
export PATH="$PATH:$HOME/.cargo/bin:/usr/sbin:/sbin"

usage() {
  cat <<'EOF'
Usage: ./build.sh [--no-install] [COMMAND]

Commands
  binary               the static binary, its man pages and shell completions (default)
  test                 everything that is checked before a change is accepted
  fuzz TARGET SECONDS  look for input that a parser does not survive
  bench [FILTER]       measure our own parts
  bench compare        measure against partclone and zstd; as root
  clean                remove what was built
  help                 this text

Options
  --no-install         do not install Debian packages: name those that are missing and stop

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
  [python3]="runs the comparison"
  [zstd]="compresses what we are compared with"
  [shellcheck]="checks the shell scripts"
  [e2fsprogs]="makes and judges ext file systems for the tests"
  [dosfstools]="makes and judges FAT file systems for the tests"
  [mtools]="fills FAT file systems for the tests"
  [util-linux]="makes swap areas and detects file systems for the tests"
  [fdisk]="makes partition tables for the tests (sfdisk)"
  [gdisk]="makes and judges GUID partition tables for the tests (sgdisk)"
  [partclone]="tells which blocks it calls used, to compare with"
  [xfsprogs]="makes XFS file systems that must be recognised"
  [btrfs-progs]="makes btrfs file systems that must be recognised"
  [ntfs-3g]="makes, fills and judges NTFS file systems for the tests"
  [exfatprogs]="makes and judges exFAT file systems for the tests"
  [exfat-fuse]="fills exFAT file systems for the tests"
  [f2fs-tools]="makes f2fs file systems that must be recognised"
  [jfsutils]="makes JFS file systems that must be recognised"
  [reiserfsprogs]="makes reiserfs file systems that must be recognised"
  [nilfs-tools]="makes nilfs2 file systems that must be recognised"
  [bcache-tools]="makes bcache devices that must be recognised"
  [udftools]="makes UDF file systems that must be recognised"
  [apfsprogs]="makes APFS file systems that must be recognised"
  [makefs]="makes UFS file systems that must be recognised"
  [cryptsetup-bin]="makes LUKS volumes that must be recognised"
  [lvm2]="makes LVM physical volumes that must be recognised"
  [squashfs-tools]="makes squashfs images that must be recognised"
  [erofs-utils]="makes erofs images that must be recognised"
  [xorriso]="makes ISO 9660 images that must be recognised"
  [genisoimage]="makes ISO 9660 and HFS images that must be recognised"
  [parted]="makes partition tables for the tests"
  [mount]="mounts and loop devices for the tests (losetup, mount, swapon)"
)
readonly HOST_PACKAGES=(ca-certificates gcc libc6-dev)
readonly HOST_RUST_PACKAGES=(rustc-web cargo-web)
readonly CHECK_RUST_PACKAGES=(rustfmt-web rust-web-clippy)
readonly MUSL_RUST_PACKAGES=(rustc-web cargo-web rust-web-src)
readonly TEST_PACKAGES=(shellcheck e2fsprogs dosfstools mtools util-linux mount fdisk gdisk parted
  partclone xfsprogs btrfs-progs ntfs-3g exfatprogs exfat-fuse f2fs-tools jfsutils reiserfsprogs nilfs-tools
  bcache-tools udftools apfsprogs makefs cryptsetup-bin lvm2 squashfs-tools erofs-utils xorriso
  genisoimage)

is_installed() {
  dpkg-query --show --showformat='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
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

install_packages() {
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300)
  as_root "${apt[@]}" update </dev/null &&
    as_root "${apt[@]}" install --no-install-recommends "$@" </dev/null
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
  mapfile -t flags < <(path_flags)
  CARGO_ENCODED_RUSTFLAGS=$(encode_flags "${flags[@]}") \
    CC_x86_64_unknown_linux_musl=musl-gcc \
    cargo build --locked --release --package calco --target "$TARGET"
}

# Debian has no standard library for musl, so it is built too: without unwinding, since a panic
# aborts, because Debian's unwinders need glibc. What is left of its name is an empty archive.
build_with_debian() {
  local flags libraries=$PWD/target/no-unwinder
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

command_binary() {
  build_binary
  summary
}

command_test() {
  need_packages "${TEST_PACKAGES[@]}"
  need_host_cargo fmt clippy
  step "Shell scripts"
  shellcheck build.sh .ci/run fuzz/make-corpus kernel-config/check
  step "Formatting"
  cargo fmt --all --check
  step "Clippy"
  # The fuzz targets are checked, not linked, so libFuzzer itself need not be compiled.
  CUSTOM_LIBFUZZER_PATH=/nowhere/libfuzzer.a \
    cargo clippy --locked --workspace --all-targets --features calco-fuzz/engine -- -D warnings
  step "Static binary"
  build_binary
  summary
  step "Tests"
  if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --locked --workspace --no-fail-fast
  else
    cargo test --locked --workspace --no-fail-fast
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
      -h | --help) words=(help) && break ;;
      -*) usage >&2 && die "unknown option $1" ;;
      *) words+=("$1") ;;
    esac
    shift
  done
  local command=${words[0]:-binary}
  case "$command" in
    help) usage ;;
    binary | test | fuzz | bench | clean) "command_$command" "${words[@]:1}" ;;
    *) usage >&2 && die "unknown command $command" ;;
  esac
}

main "$@"
