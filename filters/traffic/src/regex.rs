//! temporary
#[derive(Clone, Debug)]
pub(crate) struct Regex(::regex::bytes::Regex);
#[derive(Clone, Debug)]
pub(crate) struct Rewrite(String);
impl Regex {
    pub(crate) fn replace_all(&self, t: &[u8], r: &Rewrite) -> Vec<u8> {
        self.0.replace_all(t, r.0.as_bytes()).into_owned()
    }
}
pub(crate) fn pair(p: &str, r: &str) -> Result<(Regex, Rewrite), String> {
    Ok((Regex(::regex::bytes::Regex::new(p).map_err(|e| e.to_string())?), Rewrite(r.replace('\\', "$"))))
}
