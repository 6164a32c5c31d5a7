"""The statistics as SQL: what the charts show and, under the same names, canned queries of Datasette.

So the numbers behind each chart, their SQL, CSV and JSON are one click away, and whoever writes
`datasette newsletters.db` has them, too. All but the last two read the sums that the store keeps
(`watcher.store.counts`), not the newsletters: they take milliseconds at any size. Only newsletters count.

"Now" is the arrival of the newest newsletter: the answers of a copy that was published do not change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Query:
    """A question to the archive. `title` and `description` are what a reader sees above the answer."""

    name: str
    title: str
    description: str
    sql: str

    @property
    def canned(self) -> dict[str, Any]:
        """The query as Datasette's configuration would describe it."""
        return {"title": self.title, "description": self.description, "sql": self.sql.strip()}


PER_DAY: Final = Query(
    "newsletters_per_day",
    "Newsletters per day",
    "The last year, by day of arrival (UTC).",
    """
select day, sum(newsletters) as newsletters
from hour_counts
where day > (select date(max(day), '-1 year') from hour_counts)
group by day
order by day
""",
)
WEEK: Final = Query(
    "weekdays_and_hours",
    "When newsletters come",
    "By weekday (1 is Monday) and hour of arrival (UTC), over all years.",
    """
select (strftime('%w', day) + 6) % 7 + 1 as weekday, hour, sum(newsletters) as newsletters
from hour_counts
where strftime('%w', day) is not null
group by 1, 2
order by 1, 2
""",
)
PROVIDERS: Final = Query(
    "providers_over_time",
    "Providers over time",
    "Who composed the newsletters of the last two years: the seven largest platforms, and the rest.",
    """
with months as (select distinct month from counts order by month desc limit 24),
top as (
  select platform from counts
  where platform <> '' and month in months
  group by platform
  order by sum(newsletters) desc, platform
  limit 7
)
select month,
  case when platform = '' then 'unknown' when platform in top then name else 'others' end as provider,
  sum(newsletters) as newsletters
from counts left join providers on slug = platform
where month in months
group by 1, 2
order by 1, 3 desc
""",
)
SENDERS: Final = Query(
    "top_senders",
    "Top senders",
    "Who sent most; a sender that nobody registered is known by the domain in From.",
    """
select coalesce(name, nullif(from_domain, ''), 'unknown') as sender,
  sum(newsletters) as newsletters,
  round(1.0 * sum(words) / sum(newsletters)) as words_each,
  round(1.0 * sum(trackers) / sum(newsletters), 1) as trackers_each,
  max(month) as last_month,
  sender as slug,
  iif(sender = '', from_domain, '') as domain
from counts left join senders on slug = sender
group by sender, iif(sender = '', from_domain, '')
order by newsletters desc, 1
limit 50
""",
)
OPAQUE: Final = Query(
    "opaque_tracking",
    "Opaque tracking by provider",
    "Of a hundred links, how many hide where they lead until they are followed, and so were removed.",
    """
select coalesce(name, 'unknown') as provider,
  round(100.0 * sum(opaque) / sum(links), 1) as percent_opaque,
  sum(opaque) as opaque_links,
  sum(links) as links,
  sum(newsletters) as newsletters,
  platform as slug
from counts left join providers on slug = platform
group by platform
having sum(links) > 0
order by percent_opaque desc, links desc
limit 50
""",
)
DOMAINS: Final = Query(
    "linked_domains",
    "Most linked domains",
    "Where links lead that could be kept, by the number of newsletters that link there.",
    """
select host, newsletters, links
from host_counts
order by newsletters desc, links desc, host
limit 50
""",
)
TRACKERS: Final = Query(
    "trackers_removed",
    "Trackers removed",
    "What would have reported that a newsletter was read, and to whom.",
    """
select coalesce(nullif(host, ''), 'not named') as host, kind, trackers, newsletters
from tracker_counts
order by trackers desc, host, kind
limit 50
""",
)
QUIET: Final = Query(
    "senders_gone_quiet",
    "Senders gone quiet",
    "Nothing for three times their usual gap (the mean of their last forty) before the newest newsletter.",
    """
with now as (select max(received_at) as at from newsletters where kind = 'newsletter'),
writers as materialized (
  select slug, '' as domain, name,
    (select max(received_at) from newsletters where sender = slug) as last_at
  from senders
  union all
  select '', from_domain, from_domain,
    (select max(received_at) from newsletters n where n.from_domain = c.from_domain and +n.sender is null)
  from counts c where sender = '' and from_domain <> '' group by from_domain
),
silent as materialized (
  select *, julianday((select at from now)) - julianday(last_at) as days_silent
  from writers
  where last_at between (select datetime(at, '-400 days') from now)
    and (select datetime(at, '-3 days') from now)
),
rhythm as materialized (
  select *, case when slug <> '' then (
      select (julianday(max(day)) - julianday(min(day))) / (count(distinct day) - 1)
      from (
        select date(received_at) as day from newsletters
        where sender = slug and +kind = 'newsletter' order by received_at desc limit 40
      )
      having count(*) > 3
    ) else (
      select (julianday(max(day)) - julianday(min(day))) / (count(distinct day) - 1)
      from (
        select date(received_at) as day from newsletters
        where from_domain = domain and +sender is null and +kind = 'newsletter'
        order by received_at desc limit 40
      )
      having count(*) > 3
    ) end as usual_days
  from silent
)
select name as sender, date(last_at) as last_day, cast(days_silent as integer) as days_silent,
  round(usual_days, 1) as usual_days, slug, domain
from rhythm
where usual_days is not null and days_silent > 3 * usual_days and days_silent <= 3 * usual_days + 90
order by days_silent / usual_days desc, sender
limit 50
""",
)
LEAKS: Final = Query(
    "alias_leaks",
    "Alias leaks",
    "An address that was given to one sender alone, and others who write to it: who passed it on?",
    """
with given as (
  select sender, from_domain, count(*) as mails, min(received_at) as first_at, max(received_at) as last_at
  from newsletters
  where sender_reason = 'alias' and from_domain <> ''
  group by sender, from_domain
),
known as (
  select given.*, (
    select c.from_domain from counts c where c.sender = given.sender
    group by c.from_domain order by sum(c.newsletters) desc, c.from_domain limit 1
  ) as own_domain
  from given
)
select name as given_to, own_domain, from_domain as used_by, mails,
  date(first_at) as first_day, date(last_at) as last_day, slug
from known join senders on slug = sender
where from_domain <> own_domain
  and '.' || from_domain not like '%.' || own_domain and '.' || own_domain not like '%.' || from_domain
order by mails desc, given_to, used_by
limit 50
""",
)
QUERIES: Final = (PER_DAY, WEEK, PROVIDERS, SENDERS, OPAQUE, DOMAINS, TRACKERS, QUIET, LEAKS)
