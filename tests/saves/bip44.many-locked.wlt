{
    "meta": {
        "bip44Coin": "8000",
        "coin": "skycoin",
        "cryptoType": "sha256-xor",
        "encrypted": "true",
        "filename": "mine.wlt",
        "label": "mine",
        "lastSeed": "",
        "secrets": "IZD2bVJCBtqOeA2stP37EJkCo61E0mUy6kDK+xEv97RbkWAhhu7lT39tW2bsmj3vZTjhtUpls+IxEDSjsIgkKa6bubQx2ZR50AakGMDzN44hJ11Hkes96phNE5EUee2QH5CrhHKuPv9VkdqzUSXVtSYrLnskXREWDMQcs3wkLHv3D3LtgOJFBhqUShb0Voo1e50WkPw5Sg+aTRdjeG+XT6ohuQzvXhAebIDf/2cDsf1PqyTleNnfPcHWB750MPnc2j8ZXpim+gH0lPsRFBsAS4/12e7bCYyJvE8nVV9TFTA6a8hhy9/xriq8rHKmrh9i3z+NuNYwcLATcjdoVkzhR9tnJP4luVOK+04D/gJLTbH8dz7NS/rMqW87qxmeKz7LGB2xwoC7hMKHOLZuJL2xpir7PunYLL7braikSZKFh9LynRhSAk+zRg9Y6cw3vyYztljsAg1DPyCSicTqN19poQ1I95aye2vGkcDIgREE/iBmvMSesT04+AfdCSwLqBhXz8fgo/5IzGQvkmwqQuhM1sarJiGOJZqndi2BsTEmD5eM33go0OXicvYEjFtf3+TPHT8VDx1T8UlrAu97vFl4qo5nLcYoSzR2Fpe/6xbpjVxF2Hc0BFGZhr1r3/gGl8pEuJJxRQNptI625HadL0lSv5c8UzNnezF/NO+/SXj0lVr0rl5GsVVJ50DYFMWrQgW3dtdK0t49+O/4as0BaNe8kytOkhjLR4OoA5gNwbfIpDM3a66YQYyUwC0U+KEaAjQWDHL8HVxCSO1b49en1zuOChBSwicZNHb6ymYzEKYPF6sWAR1HjwH6kxGnHJM0R6lmQUAxYwyrUsfkwmECefJVDJz7N/wofCQDl7pqZWzhQmm/Qg/SYU8g7X+HfVdfV/OM552Czu83+H56jyupryaSrnf0gGs8OmwpvP9uHZeKDtnpuvviJhiD40M6R/qPLqtQHKLzYJKf02MNfqKLVC1pFssMBGhNMYmCdXgerE7Oj5kyZ0ZoSC8+UIxdMcMmUjOGkZXw1HMGDptwi8ZcnqmdHRDn1Ds86+6xoHs7MZ58zarQp3O9fKZP5QqOA7PJ4af9mueYsAopUb9EHeI0mLjE3mu7PjpdOH1++hS0t4S7bjY929ZWir08dft5/Yj2YFqpWv/MZ2Xqkbipo7kb5YdqV0+OgRNL3emW6ENdz2h9BkW/o1icgbLprVm7uvMcqomyIrLcCeSouk8vL0VyVsPbH/zQC+snk/hsAXmnnGTxP6FYY9RhEpvuaZ/EhMQmyItzZWuBsulkCHLhdZHWSjaV8EUVJXbLLCH6f4FQZtWzv/0uDSW2p87msIIHakzGLi1YdZDXy7E8Ti44ElSfswZ5SwtErQ3GMCTn5ptJORv1trK0OinBZEtv/b5G3/oagPC+68bXEom7CoIsRwgb6laDFkxEXZeHh/GXgt4tgIO+T9eVCMHpWhOTPulvvHM0qX7DPPZbZoft6WSIC8uqw468OW3f78+14U2jRS066WtElNyj0oaAxX6+Cw0atwy/2m7iLhfX3UrswoAwsmXlXxPTa5WtlM66FcxHb80CUlXOPVH4ilBTVu76TSSKsCtF5a10ff56vfkZwMOtSqDR1kQk/Uh/kEXIIkAyxnqtlXwUCd6WkOY54J4MRQnyc4m162MrCEFiDO7gR95md8yXOT72XojvFwt8KbNPhqkwbC64V62vFHnOHOMIF0eBk7ZP+PSkRbAhqNWK7bJTr5dt8B54c++XHnZCQP+yOLA7sehP6sbXBspD2FM1yIqrvKrOuob6RwwoCtK25I4d0xihFWV1S6yPlHmqSCGLZ5fzLi7NpNNzGO7dPSH0wct7tn6Hgb/+Xd8nPE0ilgQhvBhMX0iIi5z4lbRKqJkAuQz54Htd8yzRB5n0KDVLoR8ViCpKdLBZMIRIiYeWej03/yvjTJIuPZWeBAOs9dQn6n/gg82eg7t04jDd9Om2WoTvyNg2JMRmTxQRZCSHj5cOxU3N/SRbBAkQinN49kSrkNK/4caTDQYaUDNhx584Gys1FN8B7Lxpz9XKCBU21gnxRwmgvNLjM+1oDZsAPozZe12rWeyiPLlmqi2wCOcbmdnsq4yXTLj/ZCfVWiUNGifr/v7JSmeiT/Uaj7qkcZgKQWleodT5s2UU0mzXQkPp4q5/MvGGQhXFr+eSqWXkNICGSl2B80e91/Sk/nzNcuei22lM5kPr0km+ufA2jfx+R0raS3rLcQTP9Y3hg8nmu/ckUIY1t6d4eEW2rcW9sfePLYcuPYsE0HTC6dORezDQLlzGf8Rnc/YxeEGiZnVmG9pdnX5GmRRYeSAa2z+kHfyKU002WsO7HkxAw1PGyWR8/nRWtII3M42J769heui+GYwoKEACMuENG5S2sXdmaaFeNGZlIMedbdn66QpdlY+I2rZ4dFGj7zsJC7wyE+E7e7wdiNSuff5+0Z/uu29wHjokHHfWroOH0zA/Yuc8vc5ZCEhwunXVE8AQ+TLIKsGI5Y+7oZgBJbkwJhl0q0G8us1G9xjtRiXHK7yV27ORM31rWVc7OX93sOj4KyPxetA2o8DP23ohCRRxwny56XXZ2O48Lxt5oe7s8ez4YqLUEVp0gxiiVp5ASbJUx/QiOsltO47zzBxL3ACPfof35eEyqqXgFGaCctJLUqVPB35z5bwBc1wxDQuxSKL0pJu8PU98Koi/zjVpmoSi34SxzT/uJsrmgIqCDcXEdK360wr/KXdRNF0GH3V4yWGbTmX4KxUT3rY67v7rK1AWwHlslEtkZc84+bu7xiBlj5Iq+cDChr8ttHCKgX+eBQQkf4fo/RyFwN0toqXe/SqpaQ7F7FzrKbti3CmHfz/qdHFkmhRfMw7TWiiXRZeIJ2mf8bjF+IQFYt/xcecUQCL6La2YyXOcQMaVivT69dgFlQ9qzi6Occmf+lCs/DTFV0Rt9g0zEeDq/BAb3Lw9lcw9S7roMzPGZBJvNxB67NgOhtgzPaoTJmuOZL5bnghFRkoQ+fUG2jmra9jEdUhBfKUf7kK9WZvNUdrGDdpkLAHhpfp+wHlYYP+5p+0gd3V/bvC/GVI+/wT8QP8WmStTwDR3S0lbwzLecVgNMWJ3sGr58TM=",
        "seed": "",
        "seedPassphrase": "",
        "tm": "1795672663",
        "type": "bip44",
        "version": "0.4",
        "xpub": ""
    },
    "entries": [
        {
            "address": "28RHxxgAsbCuTv5U9VgWrDGDUpoho2gbh66",
            "public_key": "039e0c6f81b21033f3b432df52f7415c679fac19b24cde06a6e104f0e7120121d1",
            "secret_key": "",
            "child_number": 0,
            "change": 0
        },
        {
            "address": "2bjtkT6qDBxhBSLsVK5TmRHfZBy35z7sMVq",
            "public_key": "0218cfe1bc329912a15643d80fc91dbd05b38e39c136956f53d439abe80a3c9d9a",
            "secret_key": "",
            "child_number": 1,
            "change": 0
        },
        {
            "address": "ESpFpppHvDqjVqomrywxK6zYc5jgKKLBhP",
            "public_key": "0255909da62d98696b7a94c8210a100f4cca0eb2c15d0033a0b05003cd4ed507fe",
            "secret_key": "",
            "child_number": 2,
            "change": 0
        },
        {
            "address": "xSUeuSe92o5mkgfMBv3psftExrDyH2UMZL",
            "public_key": "03c210cff41d118d16cbcf4f17e06b84d9bb5e91d1ef99a6b192bb7d662c61986d",
            "secret_key": "",
            "child_number": 3,
            "change": 0
        },
        {
            "address": "2hH41qeKhcYAq5aG1pPXJqJQjhA8oWYJSZU",
            "public_key": "025ed631f43ffb866fa1acdc26625f8d4c3fab98d90077bba9c26ef99f28bc0e74",
            "secret_key": "",
            "child_number": 4,
            "change": 0
        },
        {
            "address": "2JKwB9BHXif8raVPcDYyJVdww3YFuPQmYH4",
            "public_key": "03eb9587aa837c108b7615c46040f67701a51627bfdd31a77417923e8f264f050e",
            "secret_key": "",
            "child_number": 5,
            "change": 0
        },
        {
            "address": "yxVDqfCBuw1Y7NhqyibtYmYafyif2fXywr",
            "public_key": "03b958a0289ff7467b67dd97ccbd983eeafefe6f912ca5c9c7118a7a1f5fcc5d85",
            "secret_key": "",
            "child_number": 6,
            "change": 0
        },
        {
            "address": "6BN5MVTasz827XoE9KLKKRfSmVyytQeKgF",
            "public_key": "023f98eec43d5a2a617c4d0302f03fda2643de9140955be60817899d1bec1fc5d3",
            "secret_key": "",
            "child_number": 7,
            "change": 0
        },
        {
            "address": "2iFcZhpGsgRxUdsWebWcuxCzeJGXFdq6vwt",
            "public_key": "035df8bb2b50ea76a554391609b85187a951ea06888f356d4525b417178b532095",
            "secret_key": "",
            "child_number": 8,
            "change": 0
        },
        {
            "address": "2NKCshdtZNotfZepi3ajxTQSVBxTK4W2g56",
            "public_key": "02cbc9b46d12ebea165fc670a5457b159f4bc3f7aacc2a8410241bde5f4dcdbfdf",
            "secret_key": "",
            "child_number": 9,
            "change": 0
        },
        {
            "address": "g43PzCRP6tfxJCX2TncXFQZSQUQhdyKLJj",
            "public_key": "0306e1a66ede3a9bc62eee133ae0048a055d5d18c035dfcde475d6602cbaf1efc2",
            "secret_key": "",
            "child_number": 10,
            "change": 0
        },
        {
            "address": "2KTGsSv7hEuSQ6an8HYzCJ3GKcpgoLLcdcx",
            "public_key": "02751c364d7f6f4b189dff5070ed9b532dfa6c35442edff98784651d3be36d64e2",
            "secret_key": "",
            "child_number": 11,
            "change": 0
        },
        {
            "address": "fsSxNuc1B1L1Ash7GDUfcX8SiFyXge85mc",
            "public_key": "02041fe828b506771a963b27428dea2da33c8abc9ea1bf8a842142ee4ea90523d3",
            "secret_key": "",
            "child_number": 12,
            "change": 0
        },
        {
            "address": "2e4XXETo924gcTpfaADQySyvUZNKm4DpVkx",
            "public_key": "03ae1178d440f2441b04532bd73264c60aa449bf49a94b823947b07cc1da11b211",
            "secret_key": "",
            "child_number": 13,
            "change": 0
        },
        {
            "address": "smv8Rd9GhLdPuQuXfqHaYy6iMnHMx63RGZ",
            "public_key": "0290811004be6ee08abae1ab3cc30e158d84dd609a5daf31133ba25999742eaef1",
            "secret_key": "",
            "child_number": 14,
            "change": 0
        },
        {
            "address": "2JRAxkmyfwUZsWSDVUzBUBdZTiCQowuHNWU",
            "public_key": "02e8e048ea23f16daa2d54e33ed620304df444a5a8a3981243e3d72344b2837c47",
            "secret_key": "",
            "child_number": 15,
            "change": 0
        },
        {
            "address": "24Ef1bCvoZc37iRo5QG7K2QsKEtyTtrPgG8",
            "public_key": "0227f912f3e6a39ddf071fc28628807718138893289a7053fd3313e85ca3e2234c",
            "secret_key": "",
            "child_number": 16,
            "change": 0
        },
        {
            "address": "25oAm63EFMCKh71JbDaCyc6g2YRgwFWNEkG",
            "public_key": "03934f61e660d7aefc703a1498e34814f3b33c07d6701c367ade3ffbcc257725e5",
            "secret_key": "",
            "child_number": 17,
            "change": 0
        },
        {
            "address": "2SZsJkniBDULkAHY5yKMTkFsuL93yDFZY8Z",
            "public_key": "02e536558261d9b9f4ed51d67a74d977e9e35e51852eae869737861db222d01778",
            "secret_key": "",
            "child_number": 18,
            "change": 0
        },
        {
            "address": "2c5vRsrVRHizmyaVvHQagQcRxdwVJzX8caU",
            "public_key": "03da57fab0cf6379278f7a2d710b3166fd8bbda66245e0be0d9c4cff40b3e2ebe7",
            "secret_key": "",
            "child_number": 19,
            "change": 0
        }
    ]
}