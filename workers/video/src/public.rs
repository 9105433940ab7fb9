//! The folder that the tunnel variant serves: a page for those who come through the tunnel.

use std::{
    io,
    path::{Path, PathBuf},
};

use http::{HeaderValue, StatusCode, header};
use kit::reply::with_type;
use percent_encoding::percent_decode_str;
use warp::reply::Response;

/// The largest file that is served, in bytes.
const LARGEST_FILE: u64 = 16 * 1024 * 1024;
/// What a folder's path means.
const INDEX: &str = "index.html";

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// Whoever puts a page here wrote it for this hub: scripts within the page are allowed, other sites' are not.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self' 'unsafe-inline'; \
    style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self' ws: wss:; \
    object-src 'none'; base-uri 'none'; \
    form-action 'self'; frame-ancestors 'none'";

/// A folder whose files anybody may see.
#[derive(Clone, Debug)]
pub struct Public {
    /// Without symbolic links in it, so that what is below it can be told from what is not.
    root: PathBuf,
}

impl Public {
    /// The folder; `None` if there is none.
    ///
    /// # Errors
    /// If it is there and cannot be read.
    pub fn open(folder: &Path) -> io::Result<Option<Self>> {
        match folder.canonicalize() {
            Ok(root) if root.is_dir() => Ok(Some(Self { root })),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The file at this path of a URL, or 404.
    pub async fn answer(&self, path: &str) -> Response {
        let mut response = match self.read(path).await {
            Some((kind, bytes)) => with_type(StatusCode::OK, HeaderValue::from_static(kind), bytes.into()),
            None => with_type(StatusCode::NOT_FOUND, HeaderValue::from_static(TEXT), "File not found".into()),
        };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        response
    }

    async fn read(&self, path: &str) -> Option<(&'static str, Vec<u8>)> {
        let file = self.locate(path).await?;
        let size = tokio::fs::metadata(&file).await.ok().filter(std::fs::Metadata::is_file)?.len();
        if size > LARGEST_FILE {
            tracing::warn!(file = %file.display(), size, most = LARGEST_FILE, "too large to be served");
            return None;
        }
        Some((kind(&file), tokio::fs::read(&file).await.ok()?))
    }

    /// Where the file is; `None` if it is outside of the folder, by whatever way, or hidden.
    async fn locate(&self, path: &str) -> Option<PathBuf> {
        let decoded = percent_decode_str(path.trim_start_matches('/')).decode_utf8().ok()?;
        let name = if decoded.is_empty() { INDEX } else { &*decoded };
        // `..` among them. A NUL would be refused by the system, a backslash means nothing here.
        if name.contains('\0') || name.split('/').any(|part| part.starts_with('.')) {
            return None;
        }
        let file = tokio::fs::canonicalize(self.root.join(name)).await.ok()?;
        file.starts_with(&self.root).then_some(file)
    }
}

fn kind(file: &Path) -> &'static str {
    match file.extension().and_then(|ending| ending.to_str()) {
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("ico") => "image/x-icon",
        Some("webp") => "image/webp",
        Some("woff2") => "font/woff2",
        // As it always was: a page's address may have no ending.
        Some(_) | None => HTML,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn status(public: &Public, path: &str) -> u16 {
        public.answer(path).await.status().as_u16()
    }

    #[tokio::test]
    async fn only_what_lies_in_the_folder_is_served() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("public");
        std::fs::create_dir_all(folder.join("sub")).unwrap();
        std::fs::write(place.path().join("outside.txt"), "secret").unwrap();
        std::fs::write(folder.join("index.html"), "home").unwrap();
        std::fs::write(folder.join("a b.css"), "").unwrap();
        std::fs::write(folder.join(".hidden"), "secret").unwrap();
        std::fs::write(folder.join("sub/page"), "deep").unwrap();
        std::os::unix::fs::symlink("../outside.txt", folder.join("link.txt")).unwrap();
        let public = Public::open(&folder).unwrap().unwrap();

        for path in ["/", "/index.html", "/a%20b.css", "/sub/page", "//index.html"] {
            assert_eq!(status(&public, path).await, 200, "{path}");
        }
        let outside = place.path().join("outside.txt").display().to_string();
        for path in [
            "/../outside.txt",
            "/sub/../../outside.txt",
            "/%2e%2e/outside.txt",
            "/..%2foutside.txt",
            "/%2e%2e%2foutside.txt",
            "/link.txt",
            "/.hidden",
            "/sub",
            "/sub/",
            "/%00",
            "/%ff",
            &outside,
            &outside.replace('/', "%2f"),
        ] {
            assert_eq!(status(&public, path).await, 404, "{path}");
        }
    }

    #[test]
    fn no_folder_is_no_public() {
        let place = tempfile::tempdir().unwrap();
        assert!(Public::open(&place.path().join("public")).unwrap().is_none());
    }
}
