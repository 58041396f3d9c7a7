-- name: bookmarks()^
WITH many AS (
    SELECT mode() WITHIN GROUP (ORDER BY candidates.user_id ASC) AS user_id
    FROM (
        SELECT bookmarks.user_id
        FROM bookmarks
        ORDER BY
            bookmarks.user_id ASC,
            bookmarks.resource_id ASC
        LIMIT 10000
    ) AS candidates
),

newest AS (
    SELECT
        bookmarks.user_id,
        bookmarks.resource_id,
        bookmarks.created_at
    FROM bookmarks
    INNER JOIN many ON bookmarks.user_id = many.user_id
    ORDER BY
        bookmarks.created_at DESC,
        bookmarks.resource_id DESC
    LIMIT 5
)

SELECT
    user_id,
    resource_id,
    created_at
FROM newest
ORDER BY
    created_at ASC,
    resource_id ASC
LIMIT 1;
