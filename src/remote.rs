//! Object storage: what is under a URL, and the one thread that talks to it.
//!
//! Whoever calls blocks on a channel and never enters the runtime, so this works within somebody else's runtime too.

use std::future::Future;
use std::io;
use std::path::Path as FilePath;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

#[cfg(feature = "__network")]
use object_store::RetryConfig;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStore};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

use crate::error::{Error, Result, Stage};

/// What takes longer than this may be on a caller's runtime that does not run: one that does not begin with another task for as long.
pub(crate) const TURN: Duration = Duration::from_secs(1);

/// The runtime that talks to object storage.
pub(crate) enum Io {
    /// The one of this process: one thread that waits for networks, and a few that wait for disks on its behalf. It ends with the
    /// last who uses it.
    Own(Option<Runtime>),
    /// One of the caller's, who ends it.
    Callers(Handle),
}

impl Io {
    /// The one of this process, which is started if need be.
    pub(crate) fn shared() -> io::Result<Arc<Self>> {
        static SHARED: Mutex<Weak<Io>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(io) = shared.upgrade() {
            return Ok(io);
        }
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(8)
            .thread_name("tonepress remote")
            .enable_all()
            .build()?;
        let io = Arc::new(Self::Own(Some(runtime)));
        *shared = Arc::downgrade(&io);
        Ok(io)
    }

    /// Starts a task; it may be aborted by what this returns.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> Option<JoinHandle<T>> {
        match self {
            Self::Own(runtime) => runtime.as_ref().map(|runtime| runtime.spawn(task)),
            Self::Callers(handle) => Some(handle.spawn(task)),
        }
    }

    /// An error if the runtime does not begin with a task for a second: a caller's does not while its only thread waits for us, or
    /// is busy otherwise, or when it has ended.
    pub(crate) fn check_runs(&self) -> io::Result<()> {
        if matches!(self, Self::Own(_)) {
            return Ok(());
        }
        let (_, begun) = self.begin(std::future::ready(()));
        begun.recv_timeout(TURN).map_err(|_| {
            io::Error::other(
                "the runtime that was given for object storage does not run; whoever waits must not be its only thread",
            )
        })
    }

    /// Starts a task, whose result will be received.
    pub(crate) fn begin<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> (Option<JoinHandle<()>>, Receiver<T>) {
        let (done, result) = mpsc::sync_channel(1);
        let task = self.spawn(async move {
            // Nobody listens any more if that took too long.
            let _ = done.send(task.await);
        });
        (task, result)
    }

    /// Waits for the result of a task that was [begun](Self::begin), but no longer than `patience`. What takes longer than
    /// [`TURN`] is waited for only if the runtime [runs](Self::check_runs).
    pub(crate) fn receive<T>(&self, result: &Receiver<T>, patience: Duration) -> io::Result<T> {
        let mut received = result.recv_timeout(patience.min(TURN));
        let left = patience.saturating_sub(TURN);
        if matches!(received, Err(RecvTimeoutError::Timeout)) && !left.is_zero() {
            self.check_runs()?;
            received = result.recv_timeout(left);
        }
        received.map_err(|error| match error {
            RecvTimeoutError::Timeout => io::ErrorKind::TimedOut.into(),
            RecvTimeoutError::Disconnected => io::Error::other("the request was given up"),
        })
    }

    /// Runs a task and waits for it, but no longer than `patience`; then it is given up.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        patience: Duration,
        task: impl Future<Output = T> + Send + 'static,
    ) -> io::Result<T> {
        let (task, result) = self.begin(task);
        self.receive(&result, patience).inspect_err(|_| {
            if let Some(task) = task {
                task.abort();
            }
        })
    }
}

impl Drop for Io {
    fn drop(&mut self) {
        if let Self::Own(runtime) = self
            && let Some(runtime) = runtime.take()
        {
            // Dropping it would wait, which panics within a runtime.
            runtime.shutdown_background();
        }
    }
}

/// What is under a URL.
#[derive(Clone)]
pub(crate) struct Remote {
    pub(crate) objects: Arc<dyn ObjectStore>,
    /// Where under the bucket it begins.
    prefix: Path,
    /// For people.
    pub(crate) url: String,
    /// Whether objects can carry facts: files cannot.
    pub(crate) has_attributes: bool,
    pub(crate) io: Arc<Io>,
}

/// Whether `place` is a URL of object storage rather than a path.
pub(crate) fn is_url(place: &str) -> bool {
    ["s3://", "gs://", "az://", "file://"].iter().any(|scheme| place.starts_with(scheme))
}

/// A URL, and the settings of its service behind a `?`, if there are any.
pub(crate) fn split(url: &str) -> (&str, &str) {
    url.split_once('?').unwrap_or((url, ""))
}

impl Remote {
    /// What is under `url`, with the credentials of the environment. Nothing is asked of the network.
    ///
    /// What it takes time to do is done on `runtime`, else on a thread of this process.
    ///
    /// Settings behind a `?`, such as `s3://bucket/prefix?endpoint=https://…&region=…`, come before those of the
    /// environment. They are not shown to anybody.
    ///
    /// # Errors
    /// [`Error::UnsuitableStore`] if it is no such URL, or this build does not have its service; [`Error::Io`] if there is no such
    /// folder.
    pub(crate) fn open(url: &str, runtime: Option<&Handle>) -> Result<Self> {
        let refused = |detail: String| Error::UnsuitableStore { name: url.to_owned(), detail };
        let (url, settings) = split(url);
        let (scheme, rest) = url.split_once("://").ok_or_else(|| {
            refused("not a URL such as s3://bucket/prefix, gs://, az:// or file:///folder".to_owned())
        })?;
        let io = match runtime {
            Some(handle) => Arc::new(Io::Callers(handle.clone())),
            None => Io::shared().map_err(Error::io(Stage::Open, url))?,
        };
        if scheme == "file" {
            let folder = FilePath::new(rest);
            if !folder.is_absolute() {
                return Err(refused("a file:// URL has an absolute path: file:///folder".to_owned()));
            }
            folder.metadata().map_err(Error::at(Stage::Open, folder))?;
            let objects = LocalFileSystem::new_with_prefix(folder).map_err(|e| refused(e.to_string()))?;
            let (objects, prefix) = (Arc::new(objects), Path::default());
            return Ok(Self { objects, prefix, url: url.to_owned(), has_attributes: false, io });
        }
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(refused("it names no bucket".to_owned()));
        }
        let prefix = Path::parse(prefix.trim_end_matches('/')).map_err(|e| refused(e.to_string()))?;
        let objects = connect(scheme, bucket, settings).map_err(refused)?;
        Ok(Self { objects, prefix, url: url.trim_end_matches('/').to_owned(), has_attributes: true, io })
    }

    /// As [`open`](Self::open), and makes the folder, if it is one.
    pub(crate) fn create(url: &str, runtime: Option<&Handle>) -> Result<Self> {
        if let Some(folder) = url.strip_prefix("file://").map(FilePath::new).filter(|it| it.is_absolute()) {
            std::fs::create_dir_all(folder).map_err(Error::at(Stage::Open, folder))?;
        }
        Self::open(url, runtime)
    }

    /// The place of an object that somebody else has named, to the letter.
    ///
    /// # Errors
    /// [`Error::UnsuitableStore`] if nothing can have such a name.
    pub(crate) fn named(&self, name: &str) -> Result<Path> {
        let prefix = self.prefix.as_ref();
        let place = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
        Path::parse(place).map_err(|e| Error::UnsuitableStore {
            name: format!("{}/{name}", self.url),
            detail: e.to_string(),
        })
    }

    /// The place of `name`, one of ours, under the URL.
    pub(crate) fn path(&self, name: &str) -> Path {
        name.split('/').filter(|part| !part.is_empty()).fold(self.prefix.clone(), Path::join)
    }
}

/// How often and how long a request is tried again. Whoever waits has something better to do.
#[cfg(feature = "__network")]
fn retry() -> RetryConfig {
    RetryConfig { max_retries: 2, retry_timeout: Duration::from_secs(20), ..RetryConfig::default() }
}

/// How long a connection may take, and how long a connected server may be silent.
#[cfg(feature = "__network")]
const PATIENCE: [(object_store::ClientConfigKey, &str); 3] = [
    (object_store::ClientConfigKey::ConnectTimeout, "3 seconds"),
    (object_store::ClientConfigKey::ReadTimeout, "20 seconds"),
    // Of a whole request, which for a long mix on a slow line takes what it takes.
    (object_store::ClientConfigKey::Timeout, "1 hour"),
];

/// `name=value`, as many as are between `&`.
#[cfg(feature = "__network")]
fn pairs(settings: &str) -> impl Iterator<Item = (&str, &str)> {
    settings.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn connect(
    scheme: &str,
    bucket: &str,
    #[cfg_attr(not(feature = "__network"), allow(unused_variables))] settings: &str,
) -> std::result::Result<Arc<dyn ObjectStore>, String> {
    // One of the program's own stays.
    #[cfg(feature = "__network")]
    drop(rustls::crypto::ring::default_provider().install_default());
    /// Connects by a builder, whose settings are of the type given.
    #[cfg(feature = "__network")]
    macro_rules! build {
        ($builder:expr, $key:ty) => {{
            let mut builder = $builder.with_retry(retry());
            for (key, value) in PATIENCE {
                builder = builder.with_config(<$key>::Client(key), value);
            }
            for (name, value) in pairs(settings) {
                let key: $key = name.parse().map_err(|e: StoreError| e.to_string())?;
                builder = builder.with_config(key, value);
            }
            return Ok(Arc::new(builder.build().map_err(|e| e.to_string())?));
        }};
    }
    #[cfg(feature = "aws")]
    if scheme == "s3" {
        use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
        build!(AmazonS3Builder::from_env().with_bucket_name(bucket), AmazonS3ConfigKey);
    }
    #[cfg(feature = "gcp")]
    if scheme == "gs" {
        use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
        build!(GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket), GoogleConfigKey);
    }
    #[cfg(feature = "azure")]
    if scheme == "az" {
        use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
        build!(MicrosoftAzureBuilder::from_env().with_container_name(bucket), AzureConfigKey);
    }
    let feature = match scheme {
        "s3" => "aws",
        "gs" => "gcp",
        "az" => "azure",
        _ => return Err(format!("{scheme}:// is none of s3://, gs://, az:// and file://")),
    };
    Err(format!("bucket {bucket}: this build has no {scheme}://; build with --features {feature}"))
}

/// Why something failed, in the server's own words if it gave any, else the innermost cause: what people can do something about.
pub(crate) fn why(error: &StoreError) -> String {
    let text = error.to_string();
    if let Some(code) = element(&text, "Code") {
        return match element(&text, "Message") {
            Some(message) => format!("{} ({code})", message.trim_end_matches('.')),
            None => code.to_owned(),
        };
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// What an element of XML holds, unless that is nothing.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    (!text.is_empty()).then_some(text)
}

/// Whether it only means that there is no such object.
pub(crate) fn is_absent(error: &StoreError) -> bool {
    matches!(error, StoreError::NotFound { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_in_the_words_of_the_server_or_of_the_innermost_cause() {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| {
            why(&StoreError::Generic { store: "S3", source })
        };
        let answer = "404 Not Found: <?xml version=\"1.0\"?>\n<Error><Code>NoSuchBucket</Code><Message>The bucket is not there.</Message></Error>";
        assert_eq!(failed(answer.into()), "The bucket is not there (NoSuchBucket)");
        assert_eq!(
            failed("<Error><Code>AccessDenied</Code><Message></Message></Error>".into()),
            "AccessDenied"
        );
        assert_eq!(failed("<Error><Code>half".into()), "<Error><Code>half");
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let outer = StoreError::NotFound { path: "a".to_owned(), source: Box::new(refused) };
        assert_eq!(failed(Box::new(outer)), "connection refused");
    }
}
