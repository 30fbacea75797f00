targetScope = 'subscription'

@minLength(1)
@maxLength(64)
@description('Name of the environment. The resource group carries it, and every other name is derived from it.')
param environmentName string

// The regions of Flex Consumption; `az functionapp list-flexconsumption-locations` prints the list of the day.
@minLength(1)
@description('Region of every resource.')
@allowed([
  'australiaeast'
  'australiasoutheast'
  'brazilsouth'
  'canadacentral'
  'centralindia'
  'centralus'
  'eastasia'
  'eastus'
  'eastus2'
  'eastus2euap'
  'francecentral'
  'germanywestcentral'
  'italynorth'
  'japaneast'
  'koreacentral'
  'northcentralus'
  'northeurope'
  'norwayeast'
  'southafricanorth'
  'southcentralus'
  'southeastasia'
  'southindia'
  'spaincentral'
  'swedencentral'
  'uaenorth'
  'uksouth'
  'ukwest'
  'westcentralus'
  'westeurope'
  'westus'
  'westus2'
  'westus3'
])
@metadata({
  azd: {
    type: 'location'
  }
})
param location string

@description('Memory of one instance in MB. It sets the price of an instance and its processor: a quarter of a core, one, two.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('The most instances at once, and with them the most that open streams can cost an hour.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Open streams an instance. It is the HTTP concurrency that the platform scales by and the app\'s own Sse:MaxStreams.')
@minValue(1)
@maxValue(1000)
param streamsPerInstance int = 1000

@description('RollingUpdate drains instances one batch after another when a version is deployed; Recreate cuts every stream at once.')
@allowed(['RollingUpdate', 'Recreate'])
param siteUpdateStrategy string = 'RollingUpdate'

@description('The most logs and telemetry kept a day, in GB.')
@minValue(1)
param dailyLogLimitGB int = 1

var tags = { 'azd-env-name': environmentName }

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module app 'app.bicep' = {
  name: 'app'
  scope: group
  params: {
    location: location
    tags: tags
    resourceToken: toLower(uniqueString(subscription().id, environmentName, location))
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    streamsPerInstance: streamsPerInstance
    siteUpdateStrategy: siteUpdateStrategy
    dailyLogLimitGB: dailyLogLimitGB
  }
}

output AZURE_LOCATION string = location
output AZURE_TENANT_ID string = tenant().tenantId
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_FUNCTION_NAME string = app.outputs.name
output SERVICE_API_NAME string = app.outputs.name

@description('The page. The end-to-end tests take the same value.')
output FUNCSSE_URL string = app.outputs.url

@description('The stream.')
output FUNCSSE_STREAM_URL string = '${app.outputs.url}/events'
