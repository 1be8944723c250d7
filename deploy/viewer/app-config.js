// OHIF in front of an archive with DICOMweb under the same address, as docs/in-the-viewer.md describes it.
// Stock OHIF judges a segmentation by the first image of the series it refers to. Where a localizer of another
// orientation is that image, it refuses the segmentation; so localizers are sorted behind the other images here.
window.config = {
  routerBasename: null,
  extensions: [],
  modes: [],
  customizationService: [
    {
      instanceSortingCriteria: {
        $set: {
          defaultSortFunctionName: 'localizersLast',
          sortFunctions: {
            localizersLast: (one, other) => {
              const beside = image =>
                image.SliceLocation === undefined || [].concat(image.ImageType ?? []).includes('LOCALIZER') ? 1 : 0;
              return beside(one) - beside(other) || Number(one.InstanceNumber) - Number(other.InstanceNumber);
            },
          },
        },
      },
    },
  ],
  showStudyList: true,
  maxNumberOfWebWorkers: 3,
  showErrorDetails: 'always',
  maxNumRequests: { interaction: 100, thumbnail: 5, prefetch: 25 },
  defaultDataSourceName: 'archive',
  dataSources: [
    {
      namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
      sourceName: 'archive',
      configuration: {
        friendlyName: 'Archive',
        name: 'archive',
        qidoRoot: '/dicom-web',
        wadoRoot: '/dicom-web',
        wadoUriRoot: '/wado',
        qidoSupportsIncludeField: false,
        imageRendering: 'wadors',
        thumbnailRendering: 'wadors',
        enableStudyLazyLoad: true,
        supportsFuzzyMatching: false,
        supportsWildcard: true,
        singlepart: 'bulkdata',
        bulkDataURI: { enabled: true },
        omitQuotationForMultipartRequest: true,
      },
    },
  ],
};
