// Everything in the resource group: the function app, its identity, its storage account and its logs.

param location string
param tags object

@description('The suffix of every name, as uniqueString() makes it. The length is stated because a storage account\'s name must have 3 to 24 characters.')
@minLength(13)
@maxLength(13)
param resourceToken string

param instanceMemoryMB int
param maximumInstanceCount int
param streamsPerInstance int
param siteUpdateStrategy string
param dailyLogLimitGB int
param topicsLog string
param redisSku string
param redisName string
param redisResourceGroup string

var packageContainer = 'app-package'

// https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
var storageBlobDataOwner = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
var monitoringMetricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-api-${resourceToken}'
  location: location
  tags: tags
}

resource storage 'Microsoft.Storage/storageAccounts@2025-08-01' = {
  name: 'st${resourceToken}'
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: 'Standard_LRS'
  }
  properties: {
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }

  resource blobs 'blobServices' = {
    name: 'default'

    resource packages 'containers' = {
      name: packageContainer
    }
  }
}

// The host keeps its lease and its keys in blobs, and the platform reads the package from a blob. The app uses no queue and no table.
resource storageRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(storage.id, identity.id, storageBlobDataOwner)
  scope: storage
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataOwner)
  }
}

var newRedisName = 'redis-${resourceToken}'

module newRedis 'redis.bicep' = if (topicsLog == 'redis' && empty(redisName)) {
  name: 'redis'
  params: {
    location: location
    tags: tags
    name: newRedisName
    sku: redisSku
  }
}

module redis 'redis-access.bicep' = if (topicsLog == 'redis') {
  name: 'redis-access'
  scope: resourceGroup(empty(redisName) ? resourceGroup().name : redisResourceGroup)
  params: {
    name: empty(redisName) ? newRedisName : redisName
    principalId: identity.properties.principalId
  }
  dependsOn: [newRedis]
}

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: 'log-${resourceToken}'
  location: location
  tags: tags
  properties: {
    retentionInDays: 30
    sku: {
      name: 'PerGB2018'
    }
    workspaceCapping: {
      dailyQuotaGb: dailyLogLimitGB
    }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: 'appi-${resourceToken}'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    DisableLocalAuth: true
    WorkspaceResourceId: workspace.id
  }
}

resource insightsRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, identity.id, monitoringMetricsPublisher)
  scope: insights
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', monitoringMetricsPublisher)
  }
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: 'plan-${resourceToken}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource api 'Microsoft.Web/sites@2025-03-01' = {
  name: 'func-api-${resourceToken}'
  location: location
  tags: union(tags, { 'azd-service-name': 'api' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storage.properties.primaryEndpoints.blob}${packageContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identity.id
          }
        }
      }
      runtime: {
        name: 'dotnet-isolated'
        version: '10.0'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        triggers: {
          http: {
            // The plan's default is 4, 16 or 32, depending on the memory. It suits work; for waiting streams it costs 1000 / 16 times as much.
            perInstanceConcurrency: streamsPerInstance
          }
        }
      }
      siteUpdateStrategy: {
        type: siteUpdateStrategy
      }
    }
    siteConfig: {
      // There is no `cors` here because the platform's CORS would answer instead of the app, which has a setting of its own (Sse:AllowedOrigins).
      http20Enabled: true // over HTTP/1.1 a browser opens at most six streams to one origin
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      // Sse:MaxDuration follows functionTimeout in host.json, 30 minutes, which is also this plan's default. So neither is set here.
      appSettings: concat([
        {
          name: 'AzureWebJobsStorage__blobServiceUri'
          value: storage.properties.primaryEndpoints.blob
        }
        {
          name: 'AzureWebJobsStorage__credential'
          value: 'managedidentity'
        }
        {
          name: 'AzureWebJobsStorage__clientId'
          value: identity.properties.clientId
        }
        {
          name: 'APPLICATIONINSIGHTS_CONNECTION_STRING'
          value: insights.properties.ConnectionString
        }
        {
          name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING'
          value: 'ClientId=${identity.properties.clientId};Authorization=AAD'
        }
        {
          name: 'Sse__MaxStreams'
          value: string(streamsPerInstance)
        }
        {
          name: 'Topics__Log'
          value: topicsLog
        }
      ], topicsLog == 'redis' ? [
        {
          name: 'Topics__Redis'
          value: redis!.outputs.configuration
        }
        {
          name: 'AZURE_CLIENT_ID' // which identity signs in to Redis
          value: identity.properties.clientId
        }
      ] : [])
    }
  }
  dependsOn: [
    storage::blobs::packages
    storageRole
    insightsRole
  ]

  // Deployment uses Microsoft Entra ID only. The passwords of a publishing profile do not work.
  resource noPasswords 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: {
      allow: false
    }
  }
}

output name string = api.name
output url string = 'https://${api.properties.defaultHostName}'
