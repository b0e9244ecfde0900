-- A sigma at the end of a word is searched for as any other.
UPDATE media
SET filename_folded = replace(filename_folded, 'ς', 'σ')
WHERE filename_folded LIKE '%ς%';
