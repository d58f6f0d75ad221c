//! What `--help` says below the options: examples, and what a profile is; and hints for those who have not read it.

use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};

macro_rules! with_profiles {
    ($examples:literal) => {
        concat!(
            $examples,
            "
Profiles:
  128, 192k, cbr320   constant bitrate in kbps; the size is exact beforehand
  v0 … v9, v2.5       variable bitrate by quality, v0 is the best
  abr160              average bitrate in kbps
  with options        :mono :stereo :joint :rate=22050 :q=0-9 :whole :salvage
"
        )
    };
}

pub(super) const ENVIRONMENT: &str = "\
Environment:
  TONEPRESS_CACHE       the folder of the store, as --cache
  TONEPRESS_CACHE_SIZE  what the store may take on disk, as --cache-size
  TONEPRESS_ACCEPT      builds whose renditions are taken, too, as --accept, separated by commas
  TONEPRESS_ENCODER     the encoder of profiles that name none, as --encoder
  NO_COLOR              no colours unless --color says otherwise
  COLUMNS               how wide lines may be; the terminal says unless set
  TMPDIR                where masters from pipes lie while they are pressed

Exit codes: 0 all well, 1 something failed, 2 wrong usage, 130 interrupted.
";

pub(super) const COMPLETIONS_HELP: &str = "\
Examples:
  tonepress completions bash > ~/.local/share/bash-completion/completions/tonepress
  tonepress completions zsh > ~/.zfunc/_tonepress
  tonepress completions fish > ~/.config/fish/completions/tonepress.fish
";

pub(super) const MAN_HELP: &str = "\
Examples:
  tonepress man encode | man -l -
  tonepress man -o ~/.local/share/man/man1
";

pub(super) const ENCODE_HELP: &str = with_profiles!(
    "\
Examples:
  tonepress encode song.flac --to 320 -o song.mp3
  tonepress encode song.flac --to 128,320,v0
  tonepress encode album/ -o mp3/ --to 192 --name '{dir}/{profile}/{stem}.mp3'
  tonepress encode albums/ -o mp3/ --to v0 --name '{albumartist}/{album}/{title}'
  tonepress encode albums/ -o mp3/ --to 320 --nearest --exclude demos --dry-run
  ffmpeg -i film.mkv -f wav - | tonepress encode - --to 192 -o film.mp3
  tonepress encode album/ --to v2 --json | jq .file_bytes
  tonepress encode album/ -o mp3/ --to 128,v0 --cache /var/tmp/store
  tonepress encode song.wav --to v0 --tag TITLE='Für Elise' --cover front.jpg
"
);

pub(super) const GET_HELP: &str = with_profiles!(
    "\
Examples:
  tonepress get song.flac --to 192 > song.mp3
  tonepress get song.flac --to v2 | mpg123 -
  tonepress get song.flac --to 320 --range 100000-199999 -o part
  tonepress get song.flac --to 192 --range 1500000- >> download.mp3
  tonepress get song.flac --to 192 --tags --tag ORDERNUMBER=4711 -o song.mp3
  tonepress get --key 3fa92c --range -1000 --cache /var/cache/tonepress > end
"
);

pub(super) const PREWARM_HELP: &str = with_profiles!(
    "\
Examples:
  export TONEPRESS_CACHE=/var/cache/tonepress
  tonepress prewarm albums/ --to 128,192,320,v0 --dry-run
  tonepress prewarm albums/ --to 128,192,320,v0 --nice
  tonepress prewarm albums/ --to 192 --verify --loudness
  tonepress prewarm --from list.jsonl --to 192 --json
  echo '{\"master\": \"song.flac\", \"to\": [\"320\", \"v0\"], \"priority\": 9}' | tonepress prewarm --from -

What is there is skipped, so an interrupted run is gone on with when it is started again; renditions that
were not complete are pressed from their beginning. Nothing that a run
wants gives way to something else that it wants: it stops when those fill the store.

--verify and --loudness look at as many masters ahead as there are threads, on threads of their own beside
those that press, which go on meanwhile. An album's loudness is kept when its folder was walked through as a
whole and nothing in it failed: what ALBUM and ALBUMARTIST say is an album, without ALBUM a folder is.
"
);

#[cfg(feature = "queue-nats")]
pub(super) const ENQUEUE_HELP: &str = with_profiles!(
    "\
Examples:
  export TONEPRESS_QUEUE=nats://queue.example:4222
  tonepress prewarm enqueue /masters/albums --to 128,192,320,v0
  tonepress prewarm enqueue /masters/new --to 192 --priority high
  tonepress prewarm enqueue --from list.jsonl --to 192 --json

Workers find a master where it was found here: at the same path. What is open already is not put into the
queue again. A queue that is full is waited for.
"
);

#[cfg(feature = "queue-nats")]
pub(super) const WORK_HELP: &str = "\
Example:
  tonepress prewarm work --queue nats://queue.example:4222 --cache /var/cache/tonepress --nice

Only tasks of workers of the same build are taken: others would press other bytes. When stopped, a worker
gives back what it has not finished.
";

#[cfg(feature = "queue-nats")]
pub(super) const STATUS_HELP: &str = "\
Examples:
  tonepress prewarm status --queue nats://queue.example:4222
  tonepress prewarm status --queue nats://queue.example:4222 --json | jq 'select(.error)'

The exit code is 1 if something failed for good. It is kept until the same master goes well.
";

pub(super) const PLAN_HELP: &str = with_profiles!(
    "\
Examples:
  tonepress plan song.flac --to 128,192,256,320,v2,v0
  tonepress plan album/ --to 320 --json | jq -s 'map(.audio_bytes) | add'
"
);

pub(super) const PROBE_HELP: &str = "\
Examples:
  tonepress probe song.flac
  tonepress probe --verify --json album/ | jq 'select(.error)'
  tonepress probe --verify --cache /var/cache/tonepress album/
  tonepress probe --loudness album/ --cache /var/cache/tonepress
";

pub(super) const CACHE_HELP: &str = "\
Examples:
  export TONEPRESS_CACHE=/var/cache/tonepress
  tonepress cache stat
  tonepress cache ls --profile 128 --unused-for 30d --sort size
  tonepress cache verify --sample 0.1 --rate 50MB
  tonepress cache gc --stale
  tonepress cache pin 3fa92c
";

pub(super) const BENCH_HELP: &str = with_profiles!(
    "\
Examples:
  tonepress bench
  tonepress bench album/ --against lame,ffmpeg --plot speed.svg
  tonepress bench --cost-per-core-hour 0.045
  tonepress bench --json > before.json && tonepress bench --baseline before.json --fail-above 5%
"
);

/// Says which command was probably meant where a master stands in the place of one.
pub(super) fn with_hint(mut error: clap::Error) -> clap::Error {
    if error.kind() == ErrorKind::InvalidSubcommand
        && let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand)
        && Path::new(typed).exists()
    {
        let hint = format!("a master comes behind a command: tonepress encode {typed} --to 320");
        error.remove(ContextKind::SuggestedSubcommand);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![hint.into()]));
    }
    error
}
