-- Routes every CT and MR study that has become stable to Trabecula; our own results make the study stable again
-- and are sent once more, which changes nothing.
function OnStableStudy(studyId, tags, metadata, origin)
  local study = ParseJson(RestApiGet('/studies/' .. studyId))
  for _, series in ipairs(study.Series) do
    local modality = ParseJson(RestApiGet('/series/' .. series)).MainDicomTags.Modality
    if modality == 'CT' or modality == 'MR' then
      RestApiPost('/modalities/trabecula/store', DumpJson({ Resources = { series }, Synchronous = false }, true))
    end
  end
end
