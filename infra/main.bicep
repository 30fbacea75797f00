targetScope = 'subscription'

@minLength(1)
@maxLength(64)
@description('Name of the environment. It is part of the resource group\'s name, and every other name is derived from it.')
param environmentName string

// The regions that offer Flex Consumption. `az functionapp list-flexconsumption-locations` prints the current list.
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

@description('Memory of one instance in MB. It determines the price of an instance and its cores: 0.25, 1 or 2.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('The maximum number of instances, and so what open streams can cost in an hour. The platform applies this limit and does not guarantee it. Some regions refuse values under 40: use 40 there.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('The number of open streams on one instance. It sets both the HTTP concurrency by which the platform scales and the app\'s Sse:MaxStreams.')
@minValue(1)
@maxValue(1000)
param streamsPerInstance int = 1000

// https://learn.microsoft.com/azure/azure-functions/flex-consumption-site-updates
@description('What the platform does to running instances when the code or a setting changes. Recreate stops all of them at once and every stream is cut. RollingUpdate, which is a preview in most regions, drains and replaces them in batches, so two versions run at the same time. A change of this value takes effect with the update after it.')
@allowed(['Recreate', 'RollingUpdate'])
param siteUpdateStrategy string = 'Recreate'

@description('The daily limit of logs and telemetry in GB. Nothing more is recorded on a day that has reached it.')
@minValue(1)
param dailyLogLimitGB int = 1

@description('Where the events of the topics are kept: in the storage account of the app, in an Azure Managed Redis, which costs money all the time, or in the memory of each instance, where they reach its own pages only.')
@allowed(['memory', 'storage', 'redis'])
param topicsLog string = 'storage'

@description('The size of the Redis that is created. Its memory must be larger than Topics:MaxLogSize, which is 1 GB by default: a B3 has 3 GB.')
param redisSku string = 'Balanced_B3'

@description('The name of an Azure Managed Redis that exists. Without a name, one is created where topicsLog asks for it.')
param redisName string = ''

@description('The resource group of the Redis that exists.')
param redisResourceGroup string = ''

var tags = { 'azd-env-name': environmentName }

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
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
    topicsLog: topicsLog
    redisSku: redisSku
    redisName: redisName
    redisResourceGroup: redisResourceGroup
  }
}

output AZURE_LOCATION string = location
output AZURE_TENANT_ID string = tenant().tenantId
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_FUNCTION_NAME string = app.outputs.name
output SERVICE_API_NAME string = app.outputs.name

@description('The address of the page.')
output FUNCSSE_URL string = app.outputs.url

@description('The address of the stream.')
output FUNCSSE_STREAM_URL string = '${app.outputs.url}/events'
