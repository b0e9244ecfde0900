//! The checks of limits, which all networks share.

use postbreeze_proto::v1::MediaKind;

use crate::{
    Medium, Problems, Sending, Subject,
    limits::{Form, GIB, Limits, MIB, Text},
};

impl Limits {
    /// `along` is what counts along with the caption.
    pub(crate) fn check(&self, sending: &Sending, along: usize, problems: &mut Problems) {
        self.check_caption(sending, along, problems);
        self.check_first_comment(sending, problems);
        self.check_media(sending.media, problems);
        for (index, medium) in sending.media.iter().enumerate() {
            self.check_medium(Subject::Media(index), medium, problems);
        }
    }

    fn check_caption(&self, sending: &Sending, along: usize, problems: &mut Problems) {
        let needs_text = sending.media.is_empty() && *self.media.start() == 0;
        if needs_text && sending.caption.trim().is_empty() {
            let rule = format!("must say something, or show media, on {}", self.network);
            problems.add(Subject::Caption, rule);
        }
        for text in own(self.caption, sending.caption_limit) {
            let also = if along > 0 { ", its warning included" } else { "" };
            let of_what = format!("{}{also}", text.unit.name());
            let has = along + text.unit.count(sending.caption);
            problems.at_most(Subject::Caption, text.most, has, &of_what);
        }
    }

    fn check_first_comment(&self, sending: &Sending, problems: &mut Problems) {
        let comment = sending.first_comment;
        if comment.is_empty() {
            return;
        }
        if self.first_comment.is_empty() {
            let rule = format!("must be empty: no application can comment on {}", self.network);
            problems.add(Subject::FirstComment, rule);
        } else if comment.trim().is_empty() {
            problems.add(Subject::FirstComment, "must say something, or be empty");
        }
        // Where a comment is a post, an account's own limit is for both.
        let limit = sending.caption_limit.filter(|_| self.first_comment == self.caption);
        for text in own(self.first_comment, limit) {
            let has = text.unit.count(comment);
            problems.at_most(Subject::FirstComment, text.most, has, text.unit.name());
        }
    }

    fn check_media(&self, media: &[Medium], problems: &mut Problems) {
        let (least, most) = (*self.media.start(), *self.media.end());
        if !self.media.contains(&media.len()) {
            let count = match (least, most) {
                (0, most) => format!("at most {most} media"),
                (1, 1) => "exactly 1 medium".to_owned(),
                (least, most) => format!("{least} to {most} media"),
            };
            let rule = format!("must be {count} on {}; there are {}", self.network, media.len());
            problems.add(Subject::MediaCount, rule);
        }
        let counts: Vec<(&Form, usize)> = self
            .forms
            .iter()
            .map(|form| (form, media.iter().filter(|medium| form.takes(medium)).count()))
            .filter(|(_, count)| *count > 0)
            .collect();
        if let [(first, _), (second, _), ..] = counts[..]
            && !self.mixes
        {
            let rule =
                format!("must not mix {} and {} on {}", first.name, second.name, self.network);
            problems.add(Subject::MediaCount, rule);
        }
        for (form, count) in counts {
            // What the whole post may have is said above.
            if count > form.most && form.most < most {
                let Form { name, most, .. } = form;
                let rule =
                    format!("{name} must be at most {most} on {}; there are {count}", self.network);
                problems.add(Subject::MediaCount, rule);
            }
        }
    }

    fn check_medium(&self, subject: Subject, medium: &Medium, problems: &mut Problems) {
        let Some(form) = self.forms.iter().find(|form| form.takes(medium)) else {
            let taken: Vec<&str> = self.forms.iter().flat_map(|form| form.types).copied().collect();
            let is = if medium.content_type.is_empty() {
                kind_name(medium.kind)
            } else {
                medium.content_type
            };
            let (network, taken) = (self.network, taken.join(", "));
            let rule = format!("is {is}; on {network} it must be one of {taken}");
            problems.add(subject, rule);
            return;
        };
        form.check(subject, medium, problems);
    }
}

/// Limits of a text, the first of them the account's own, if it has one.
fn own(texts: &[Text], limit: Option<usize>) -> impl Iterator<Item = Text> {
    texts.iter().enumerate().map(move |(index, text)| match limit {
        Some(most) if index == 0 => Text { most, ..*text },
        _ => *text,
    })
}

impl Form {
    fn check(&self, subject: Subject, medium: &Medium, problems: &mut Problems) {
        if let Some(most) = self.bytes
            && medium.size_bytes > most
        {
            let has = medium.size_bytes;
            problems.add(subject, format!("must have at most {}; it has {has} bytes", size(most)));
        }
        if let (Some(range), Some(duration)) = (&self.duration, medium.duration)
            && !range.contains(&duration)
        {
            let [least, most, runs] =
                [*range.start(), *range.end(), duration].map(|duration| duration.as_secs_f64());
            problems.add(subject, format!("must run {least} to {most} seconds; it runs {runs}"));
        }
        // A side of none is one that could not be read.
        if let (Some(width @ 1..), Some(height @ 1..)) = (medium.width_px, medium.height_px) {
            self.check_shape(subject, width, height, problems);
        }
    }

    fn check_shape(&self, subject: Subject, width: u32, height: u32, problems: &mut Problems) {
        let is = format!("it is {width} x {height} pixels");
        if let Some((narrowest, widest)) = self.ratio
            && !(narrowest.is_at_most(width + 1, height) && widest.is_at_least(width - 1, height))
        {
            let rule = format!("must have a shape between {narrowest} and {widest}; {is}");
            problems.add(subject, rule);
        }
        if width.min(height) < self.least_px {
            let least = self.least_px;
            problems.add(subject, format!("must be at least {least} pixels wide and high; {is}"));
        }
        if let Some((shorter, longer)) = self.sides_px
            && (width.min(height) > shorter || width.max(height) > longer)
        {
            let rule = format!("must be at most {shorter} x {longer} pixels, either way; {is}");
            problems.add(subject, rule);
        }
        if let Some(most) = self.pixels
            && u64::from(width) * u64::from(height) > most
        {
            problems.add(subject, format!("must have at most {most} pixels; {is}"));
        }
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        bytes if bytes % GIB == 0 => format!("{} GiB", bytes / GIB),
        bytes if bytes % MIB == 0 => format!("{} MiB", bytes / MIB),
        bytes => format!("{bytes} bytes"),
    }
}

fn kind_name(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "an image of an unknown type",
        MediaKind::Video => "a video of an unknown type",
        MediaKind::Document => "a document of an unknown type",
        MediaKind::Unspecified => "of an unknown type",
    }
}
