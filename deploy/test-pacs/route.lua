-- Routes every CT and MR series to Trabecula once its images have stopped coming, and loses none: a series that was not
-- taken (service down, disk full: 0xA700, Orthanc restarted) is sent again after growing pauses, for three days.
-- A late image sends its series again; results that come back are series of their own and send nothing.

local AE_TITLE = 'TRABECULA'                      -- of the entry "trabecula" under DicomModalities
local TAKEN = '4600'                              -- metadata of a series: how many of its images were taken
local FIRST_PAUSE, LONGEST_PAUSE = 30, 900        -- seconds; the pause doubles
local GIVE_UP_AFTER = 3 * 86400                   -- seconds

local waiting = {}      -- series -> { due, pause, since }
local jobs = {}         -- job -> { series, images } while it runs
local recalled, looked, beats, alarm = false, 0, false, 0

local function Get(uri)
  local ok, answer = pcall(function() return ParseJson(RestApiGet(uri)) end)
  return ok and type(answer) == 'table' and answer or nil
end

local function Want(series, since)
  local found = Get('/series/' .. series)
  local modality = found and found.MainDicomTags.Modality
  if modality ~= 'CT' and modality ~= 'MR' then return end
  local metadata = Get('/series/' .. series .. '/metadata?expand') or {}
  if tonumber(metadata[TAKEN]) ~= #found.Instances then
    waiting[series] = { due = 0, pause = FIRST_PAUSE, since = since }
  end
end

local function IsBusy(series)
  for _, job in pairs(jobs) do
    if job.series == series then return true end
  end
  return false
end

-- After a restart: jobs that Orthanc has kept and goes on with, and what the log of changes holds of the last days.
local function Recall()
  for _, job in ipairs(Get('/jobs?expand') or {}) do
    local parents = job.Type == 'DicomModalityStore' and job.Content.RemoteAet == AE_TITLE and job.Content.ParentResources
    if parents and #parents == 1 and job.State ~= 'Success' and job.State ~= 'Failure' then
      jobs[job.ID] = { series = parents[1], images = job.Content.InstancesCount }
    end
  end
  local oldest = os.date('!%Y%m%dT%H%M%S', os.time() - GIVE_UP_AFTER)
  local changes = Get('/changes?last')
  local since, seen = changes and changes.Last or 0, {}
  while since > 0 do
    since = math.max(0, since - 1000)
    local page = Get(string.format('/changes?limit=1000&since=%d', since))
    for _, change in ipairs(page and page.Changes or {}) do
      local new = change.ChangeType == 'StableSeries' or change.ChangeType == 'NewSeries'
      if new and change.Date >= oldest and not seen[change.ID] then
        seen[change.ID] = true
        Want(change.ID, os.time())
      end
    end
    if page and page.Changes[1] and page.Changes[1].Date < oldest then since = 0 end
  end
end

-- Before 1.11.1 nothing calls Lua at a given time: a process of its own asks Orthanc for /system when a series is due.
-- It holds none of our sockets. Where HTTP needs a password, a health check or cron must ask, once a minute.
local function WakeAt(moment)
  local now = os.time()
  if beats or (alarm > now and alarm <= moment) then return end
  alarm = math.max(moment, now + 1)
  local port = tonumber(GetOrthancConfiguration()['HttpPort']) or 8042
  os.execute(string.format([[bash -c '
    for f in /proc/$$/fd/*; do n=${f##*/}; ((n > 2)) && eval "exec $n>&-"; done
    sleep %d; exec 3<>/dev/tcp/127.0.0.1/%d && printf "GET /system HTTP/1.0\\r\\n\\r\\n" >&3 && cat <&3
  ' < /dev/null > /dev/null 2>&1 &]], alarm - now, port))
end

local function Drive()
  local now = os.time()
  if now == looked then return end
  looked = now
  if not recalled then
    recalled = true
    Recall()
  end
  for series, entry in pairs(waiting) do
    local due = entry.due <= now and not IsBusy(series)
    local found = due and Get('/series/' .. series)
    if due and not found then
      waiting[series] = nil   -- somebody deleted it
    elseif due then
      entry.due = now + LONGEST_PAUSE
      local request = DumpJson({ Resources = { series }, Synchronous = false }, true)
      local job = ParseJson(RestApiPost('/modalities/trabecula/store', request))
      jobs[job.ID] = { series = series, images = #found.Instances }
    end
  end
  local earliest = math.huge
  for series, entry in pairs(waiting) do
    if not IsBusy(series) then earliest = math.min(earliest, entry.due) end
  end
  if earliest < math.huge then WakeAt(earliest) end
end

function Initialize()
  WakeAt(os.time() + 5)
end

function OnStableSeries(series, tags, metadata)
  Drive()
  Want(series, os.time())
  looked = 0
  Drive()
end

function OnJobSuccess(id)
  local job = jobs[id]
  if job then
    jobs[id] = nil
    local since = waiting[job.series] and waiting[job.series].since or os.time()
    waiting[job.series] = nil
    RestApiPut('/series/' .. job.series .. '/metadata/' .. TAKEN, tostring(job.images))
    Want(job.series, since)   -- an image came while the others were sent
  end
  Drive()
end

function OnJobFailure(id)
  local job, now = jobs[id], os.time()
  if job then
    jobs[id] = nil
    local entry = waiting[job.series] or { pause = FIRST_PAUSE, since = now }
    entry.due = now + entry.pause
    entry.pause = math.min(2 * entry.pause, LONGEST_PAUSE)
    waiting[job.series] = entry
    if now - entry.since >= GIVE_UP_AFTER then
      waiting[job.series] = nil
      print('not taken by ' .. AE_TITLE .. ' in time, send it by hand: series ' .. job.series)
    end
  end
  Drive()
end

-- The clock: LuaHeartBeatPeriod from Orthanc 1.11.1 on; before, every HTTP request, ours above included.
function OnHeartBeat()
  beats, IncomingHttpRequestFilter = true, nil
  Drive()
end

function IncomingHttpRequestFilter(method, uri, ip, username, httpHeaders)
  Drive()
  return true
end
